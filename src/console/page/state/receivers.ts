// The requests of the named receivers.
import type { ReceiversView, ReceiverView } from '../../../wire/receivers.ts';
import type { TestSendView } from '../../../wire/webhooks.ts';
import { ask } from './api.ts';

const pathOf = (name: string): string => `api/v1/receivers/${encodeURIComponent(name)}`;

export const readReceivers = (signal: AbortSignal): Promise<ReceiversView> =>
  ask('GET', 'api/v1/receivers', { signal });

export const saveReceiver = (name: string, fields: object): Promise<ReceiverView> =>
  ask('PUT', pathOf(name), { body: fields });

export const deleteReceiver = (name: string): Promise<object> => ask('DELETE', pathOf(name), { body: {} });

export const testReceiver = (name: string): Promise<TestSendView> => ask('POST', `${pathOf(name)}/test`, { body: {} });
