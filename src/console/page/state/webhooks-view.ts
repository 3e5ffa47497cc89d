// The request of the webhooks.
import type { WebhooksView } from '../../../wire/webhooks.ts';
import { ask } from './api.ts';

export const readWebhooks = (search: string, limit: number, signal: AbortSignal): Promise<WebhooksView> => {
  const query = new URLSearchParams({ limit: String(limit), ...(search !== '' && { q: search }) });
  return ask('GET', `api/v1/webhooks?${query}`, { signal });
};
