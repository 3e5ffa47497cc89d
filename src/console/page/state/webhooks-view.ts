// What the server says of webhooks.
import { ask } from './api.ts';

export interface WebhookSending {
  readonly at_ms: number;
  readonly outcome: string;
  readonly took_ms?: number;
  readonly reason?: string;
  readonly metric_name?: string;
}

export interface WebhookView {
  readonly webhook_id: string;
  readonly url?: string;
  readonly state: 'parked' | 'failing' | 'waiting' | 'ok' | 'quiet' | 'unused';
  readonly rules: number;
  readonly rule_ids: readonly string[];
  readonly waiting: number;
  readonly requests_2s: number;
  readonly requests_60s: number;
  readonly last_delivered?: WebhookSending;
  readonly last_failed?: WebhookSending;
  readonly parked: readonly {
    readonly name: string;
    readonly reason: string;
    readonly since_ms: number;
    readonly next_probe_ms?: number;
  }[];
}

export interface WebhooksView {
  readonly time_ms: number;
  readonly total: number;
  readonly held_back_ms: number;
  readonly webhooks: readonly WebhookView[];
}

export const readWebhooks = (search: string, limit: number, signal: AbortSignal): Promise<WebhooksView> => {
  const query = new URLSearchParams({ limit: String(limit), ...(search !== '' && { q: search }) });
  return ask('GET', `api/v1/webhooks?${query}`, { signal });
};
