import type { Clock } from '../base/clock.ts';
import { Readable } from 'node:stream';
import { Failure, fieldsFailure, type FieldError } from '../base/failure.ts';
import { answersAsText, documented } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import type { Log } from '../log/log.ts';
import type { Rule } from '../rule/rule.ts';
import { BacktestOrder, BacktestView, listedMax } from '../wire/backtest.ts';
import { backtest, type BacktestRange, type BacktestResult } from './backtest.ts';
import type { MetricPasts } from './metric-pasts.ts';
import { shownFiring, shownNotification, shownTransition, type PastTransition } from './backtest-recorder.ts';
import { draftOf } from './draft.ts';

export interface BacktestRoutesOptions {
  readonly log: Log;
  readonly pasts: MetricPasts;
  readonly clock: Clock;
}

/** Each takes a core for as long as it reads. */
const runningMax = 4;
const listedDefault = 500;

const backtestContent = {
  description: 'The result; as NDJSON one line for each part of the log that was read',
  content: {
    'application/json': { schema: BacktestView },
    'application/x-ndjson': { schema: BacktestView },
  },
};

interface Order {
  readonly rule: Rule;
  readonly range: BacktestRange;
  readonly limit: number;
}

/** What a rule would have done, as JSON or, for whoever accepts NDJSON, line by line as more is read. */
export function backtestRoutes(options: BacktestRoutesOptions): Routes {
  let running = 0;
  return (app) => {
    app.post(
      '/api/v1/rules/backtest',
      {
        config: { scope: 'rules:read' },
        schema: {
          summary: 'What a rule, saved or not, would have done with the samples that are retained',
          description:
            'The evaluator itself runs over the log. With "Accept: application/x-ndjson" each line is a result, first of the newest samples and then of more; the last one is complete. It ends when the caller goes.',
          body: documented(BacktestOrder),
          response: answersAsText({ 200: backtestContent }, 400, 401, 403, 413, 415, 429, 503),
        },
      },
      async (request, reply) => {
        const order = orderOf(request.body, options.clock.wallMs());
        if (running >= runningMax)
          throw new Failure('too_many_requests', `${runningMax} backtests are running already`, {
            retryAfterSeconds: 1,
          });
        const stop = new AbortController();
        reply.raw.once('close', () => stop.abort());
        reply.header('cache-control', 'no-store');
        const results = backtest(options, order.rule, order.range, stop.signal);
        running++;
        if (request.headers.accept?.includes('application/x-ndjson') === true) {
          const lines = Readable.from(asLines(results, order.limit, stop.signal), { objectMode: false });
          lines.once('close', () => running--);
          return reply.type('application/x-ndjson').send(lines);
        }
        try {
          let last: BacktestResult | undefined;
          for await (const result of results) last = result;
          return await reply.send(shownResult(last!, order.limit));
        } finally {
          running--;
        }
      },
    );
  };
}

async function* asLines(
  results: AsyncIterable<BacktestResult>,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  try {
    for await (const result of results) yield `${JSON.stringify(shownResult(result, limit))}\n`;
  } catch (error) {
    // Whoever went away needs no answer.
    if (!signal.aborted) throw error;
  }
}

function orderOf(body: unknown, nowMs: number): Order {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Failure('invalid_request', 'the body must be an object with a rule, e.g. {"rule": {"metric_name": …}}');
  const { rule: given, ...more } = body as Record<string, unknown>;
  const fields = new Set<string>(['last_seconds', 'from_ms', 'to_ms', 'limit'] satisfies (keyof BacktestOrder)[]);
  const errors: FieldError[] = Object.entries(more).flatMap(([field, value]): FieldError[] => {
    if (!fields.has(field))
      return [
        { field, code: 'unknown_field', message: `${field} is not known; there are rule, ${[...fields].join(', ')}` },
      ];
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return [];
    return [{ field, code: 'invalid_field', message: `${field} must be a number of at least 0` }];
  });
  if (errors.length > 0) throw fieldsFailure(errors);
  const {
    last_seconds: lastSeconds = 3_600,
    from_ms: fromMs,
    to_ms: toMs,
    limit = listedDefault,
  } = more as Omit<BacktestOrder, 'rule'>;
  return {
    rule: draftOf(given),
    range: { fromMs: fromMs ?? nowMs - lastSeconds * 1_000, toMs },
    limit: Math.min(listedMax, Math.floor(limit)),
  };
}

function shownResult(result: BacktestResult, limit: number): BacktestView {
  const { recorded, range, spanMs } = result;
  const { counts } = recorded;
  return {
    complete: result.isComplete,
    cut_short: result.cutShort ?? null,
    partition: result.partition,
    from_offset: range.from,
    to_offset: range.to,
    from_ms: spanMs?.[0],
    to_ms: spanMs?.[1],
    records: result.records,
    samples: result.samples,
    unreadable: result.unreadable,
    series: result.series,
    series_fired: recorded.seriesFired,
    fired: counts.fired,
    fired_for_no_data: counts.noData,
    ended: counts.ended,
    firing_now: result.firingNow,
    pending: counts.pending,
    notifications: counts.sent,
    resolved_notifications: counts.resolvedSent,
    deferred: counts.deferred,
    longest_ms: recorded.longestMs,
    took_ms: Math.round(result.tookMs * 10) / 10,
    firings: recorded.firings.newest(limit).map(shownFiring),
    transitions: recorded.transitions.newest(limit).map(({ record }: PastTransition) => shownTransition(record)),
    due: recorded.notifications.newest(limit).map(shownNotification),
  };
}
