import { Type } from 'typebox';
import { Failure } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { HttpApp, Routes } from '../../http/http-app.ts';
import { allSkewed, type SkewedSeries } from '../../instance/instance-record.ts';
import { LogUnavailable, type Log } from '../../log/log.ts';
import type { Condition } from '../../rule/condition.ts';
import { measureRequestsOf } from '../../rule/measure-request.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { InForceView, SystemView, type InstanceView } from '../../wire/system.ts';
import type { InstanceSeen, InstancesView } from '../live/instances-view.ts';
import { lagOf, partitionLags } from '../live/partition-lags.ts';

export interface SystemRoutesOptions {
  readonly log: Log;
  readonly instances: InstancesView;
  readonly rules: RuleFeed;
  /** From the sample to Discord's answer. */
  readonly latencyP99Ms: () => number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly version: string;
}

const ParamsSchema = Type.Object({ id: Type.String() });

/** The state of the whole system as its processes report it, and on how many of them a rule is in force. */
export function systemRoutes(options: SystemRoutesOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    systemRoute(app, options);
    inForceRoute(app, options);
  };
}

function systemRoute(app: HttpApp, { log, instances, rules, latencyP99Ms, now, version }: SystemRoutesOptions): void {
  app.get(
    '/api/v1/system',
    {
      config: { scope: 'alarms:read' as const },
      schema: {
        summary: 'Instances and what they own, the lag of each partition, throughput, what was skipped',
        response: answers({ 200: SystemView }, 401, 403, 503),
      },
    },
    async (_request, reply) => {
      await refreshed(instances);
      const seen = instances.all();
      const live = seen.filter(({ state }) => state === 'live');
      const partitions = await partitionLags(log, instances);
      const evaluating = live.flatMap(({ record }) => record.evaluate ?? []);
      const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number =>
        items.reduce((total, item) => total + of(item), 0);
      return reply.send({
        time_ms: now(),
        version,
        samples_per_second: sum(live, ({ samplesPerSecond }) => samplesPerSecond ?? 0),
        lag: lagOf(partitions) ?? null,
        latency_p99_ms: latencyP99Ms() ?? null,
        series: sum(evaluating, ({ series }) => series),
        waiting: sum(live, ({ record }) => record.notify?.waiting ?? 0),
        samples: summed(evaluating.map(({ samples }) => samples)),
        misrouted_metrics: sum(evaluating, ({ misrouted }) => misrouted),
        series_ahead: shownSkewed(evaluating.map(({ ahead }) => ahead)),
        series_behind: shownSkewed(evaluating.map(({ behind }) => behind)),
        rules: rules.book.size,
        rules_unreadable: rules.book.problems().length + rules.book.problemsForgotten,
        instances: seen.map(shownInstance),
        partitions: partitions.map(({ partition, head, position = null, lag = null, instance = null }) => ({
          partition,
          head,
          position,
          lag,
          instance,
        })),
      });
    },
  );
}

function inForceRoute(app: HttpApp, { instances, rules }: SystemRoutesOptions): void {
  app.get(
    '/api/v1/rules/:id/in-force',
    {
      config: { scope: 'rules:read' as const },
      schema: {
        summary: 'On how many instances of alarms the newest version of a rule is in force',
        params: ParamsSchema,
        response: answers({ 200: InForceView }, 401, 403, 404, 503),
      },
    },
    async (request, reply) => {
      const entry = rules.book.get(request.params.id);
      if (entry === undefined)
        throw new Failure('not_found', `there is no rule ${JSON.stringify(request.params.id.slice(0, 80))}`);
      await refreshed(instances);
      const judging = instances.all().filter(({ record, state }) => state === 'live' && record.evaluate !== undefined);
      const { partition, offset } = entry;
      const knowing = judging.filter(({ record }) => (record.rules[partition] ?? 0) > offset);
      const refused = windowsRefused(entry.condition, judging);
      return reply.send({
        version: { partition, offset },
        in_force: knowing.length,
        of: judging.length,
        windows_refused: refused === 0 ? undefined : refused,
      });
    },
  );
}

/** Series of a rule's metric that have no window of its kind. */
function windowsRefused(condition: Condition, judging: readonly InstanceSeen[]): number {
  const keys = measureRequestsOf(condition).map(({ key }) => key);
  const refused = judging.flatMap(({ record }) => record.evaluate?.refusedWindows ?? []);
  return refused.reduce(
    (sum, [metricName, measure, series]) =>
      metricName === condition.metricName && keys.includes(measure) ? sum + series : sum,
    0,
  );
}

/** Throws the Failure `unavailable` when the log does not answer. */
export async function refreshed(instances: InstancesView): Promise<void> {
  try {
    await instances.refresh();
  } catch (error) {
    if (!(error instanceof LogUnavailable)) throw error;
    throw new Failure('unavailable', 'the log does not answer', { retryAfterSeconds: 1 });
  }
}

function summed(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const each of counts) for (const [name, count] of Object.entries(each)) total[name] = (total[name] ?? 0) + count;
  return total;
}

function shownSkewed(parts: readonly SkewedSeries[]): SystemView['series_ahead'] {
  const { count, first } = allSkewed(parts);
  return { count, first: first.map(([series, seconds]) => ({ series, seconds })) };
}

function shownInstance({ record, state, samplesPerSecond }: InstanceSeen): InstanceView {
  const { id, name, parts, version, startedMs, atMs, evaluate, notify } = record;
  const isLive = state === 'live';
  return {
    id,
    name,
    parts,
    version,
    state,
    started_ms: startedMs,
    heard_ms: atMs,
    partitions: isLive ? (evaluate?.partitions.map(([partition]) => partition).sort((a, b) => a - b) ?? []) : [],
    webhook_partitions: isLive ? (notify?.partitions.toSorted((a, b) => a - b) ?? []) : [],
    samples_per_second: samplesPerSecond ?? null,
    series: evaluate?.series ?? null,
    waiting: notify?.waiting ?? null,
    parked: notify?.parked ?? null,
    failing: notify?.failing ?? null,
    health: record.health?.status ?? null,
    problems: [...(record.health?.problems ?? [])],
    held_back_ms: notify?.heldBackMs ?? 0,
  };
}
