// The requests of the System screen.
import type { InForceView, SystemView } from '../../../wire/system.ts';
import { ask } from './api.ts';

export const readSystem = (signal?: AbortSignal): Promise<SystemView> => ask('GET', 'api/v1/system', { signal });

export const readInForce = (id: string, signal?: AbortSignal): Promise<InForceView> =>
  ask('GET', `api/v1/rules/${encodeURIComponent(id)}/in-force`, { signal });
