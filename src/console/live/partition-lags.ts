import type { InstanceRecord } from '../../instance/instance-record.ts';
import type { Log } from '../../log/log.ts';
import { topics } from '../../topics.ts';
import type { InstanceSeen, InstancesView } from './instances-view.ts';

/** A partition of `metrics`, and how far it is evaluated. */
export interface PartitionLag {
  readonly partition: number;
  /** The next offset to be assigned. */
  readonly head: number;
  /** The first offset that is not evaluated; undefined when no instance has reported it. */
  readonly position: number | undefined;
  /** Records that are not evaluated yet. */
  readonly lag: number | undefined;
  /** The id of its owner. */
  readonly instance: string | undefined;
}

/** How far each partition is evaluated, as the instances had reported at the last refresh. */
export async function partitionLags(log: Log, instances: InstancesView): Promise<PartitionLag[]> {
  const owners = ownersOf(instances.all().filter(({ state }) => state === 'live'));
  const { name } = topics.metrics;
  const count = await log.partitionCount(name);
  const heads = await Promise.all(Array.from({ length: count }, (_, partition) => log.bounds(name, partition)));
  return heads.map(({ first, next }, partition) => {
    const known = instances.positionOf(partition);
    const owner = owners.get(partition);
    // The log may have been recreated, or have deleted records before they were evaluated.
    const position = known === undefined ? undefined : Math.min(next, Math.max(first, known));
    const unjudged = position === undefined ? (next === 0 ? 0 : undefined) : next - position;
    // Take head and position from the owner's one report: today's head with an earlier position would look like a lag.
    return { partition, head: next, position, lag: owner?.lag ?? unjudged, instance: owner?.record.id };
  });
}

/** Records that are not evaluated yet; undefined where no instance has reported its position in a partition with records. */
export function lagOf(partitions: readonly PartitionLag[]): number | undefined {
  if (partitions.some(({ lag }) => lag === undefined)) return undefined;
  return partitions.reduce((sum, { lag = 0 }) => sum + lag, 0);
}

function ownersOf(live: readonly InstanceSeen[]) {
  const owners = new Map<number, { readonly record: InstanceRecord; readonly lag: number }>();
  // If two instances claim one partition, the later report counts.
  for (const { record } of live.toSorted((a, b) => a.record.atMs - b.record.atMs))
    for (const [partition, , lag] of record.evaluate?.partitions ?? []) owners.set(partition, { record, lag });
  return owners;
}
