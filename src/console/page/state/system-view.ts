// What the server says of the whole system.
import { ask } from './api.ts';

export interface InstanceView {
  readonly id: string;
  readonly name: string;
  readonly parts: readonly string[];
  readonly version: string;
  readonly state: 'live' | 'silent' | 'ended';
  readonly started_ms: number;
  readonly heard_ms: number;
  readonly partitions: readonly number[];
  readonly webhook_partitions: readonly number[];
  readonly samples_per_second: number | null;
  readonly series: number | null;
  readonly waiting: number | null;
  readonly parked: number | null;
  readonly held_back_ms: number;
}

export interface PartitionView {
  readonly partition: number;
  readonly head: number;
  readonly position: number | null;
  readonly lag: number | null;
  readonly instance: string | null;
}

export interface SystemView {
  readonly time_ms: number;
  readonly version: string;
  readonly samples_per_second: number;
  readonly lag: number | null;
  readonly latency_p99_ms: number | null;
  readonly series: number;
  readonly waiting: number;
  readonly samples: Readonly<Record<string, number>>;
  readonly misrouted_metrics: number;
  readonly rules: number;
  readonly rules_unreadable: number;
  readonly instances: readonly InstanceView[];
  readonly partitions: readonly PartitionView[];
}

export interface InForceView {
  readonly in_force: number;
  readonly of: number;
}

export const readSystem = (signal?: AbortSignal): Promise<SystemView> => ask('GET', 'api/v1/system', { signal });

export const readInForce = (id: string, signal?: AbortSignal): Promise<InForceView> =>
  ask('GET', `api/v1/rules/${encodeURIComponent(id)}/in-force`, { signal });
