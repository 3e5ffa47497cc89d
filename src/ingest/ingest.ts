import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import type { Routes } from '../http/server.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import { topics } from '../topics.ts';
import { Admission, admissionLimits, tryLater, type AdmissionLimits } from './admission.ts';
import { answerMsMax, skewedSubjectsMax, timestampFutureMsMax, timestampPastMsMax } from './ingest-limits.ts';
import { ingestRoutes } from './ingest-routes.ts';
import type { RejectionCode, SampleBatch } from './sample-batch.ts';
import type { TimeBounds } from './sample-time.ts';

export interface IngestOptions {
  readonly log: Log;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly timeBounds?: TimeBounds;
  readonly admission?: AdmissionLimits;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What the routes of all protocols share. */
export interface IngestParts {
  readonly admission: Admission;
  readonly timeBounds: TimeBounds;
  readonly now: () => number;
  /** Resolves when the batch is durable. Rejects with the Failure `unavailable` when it may not be. */
  publish(batch: SampleBatch, origin: Origin): Promise<void>;
  countRejected(protocol: string, code: RejectionCode): void;
}

/** By what way a batch came. */
interface Origin {
  readonly protocol: string;
  readonly subject: string;
}

/** The ingest service: routes alone, for nothing happens between requests. */
export function createIngest(options: IngestOptions): { readonly routes: Routes } {
  const { log, meter, health } = options;
  const admission = new Admission(health, options.admission ?? admissionLimits);
  const accepted = meter.counter('ingest_samples_accepted_total', 'Samples written', ['protocol']);
  const rejected = meter.counter('ingest_samples_rejected_total', 'Samples not written', ['protocol', 'reason']);
  const appendSeconds = meter.histogram(
    'ingest_append_seconds',
    'Time until a batch was durable',
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  );
  const countSkewed = skewCounter(meter);
  meter.gauge('ingest_bytes_in_flight', 'Unpacked bytes of the requests under way', [], (gauge) =>
    gauge.set(admission.bytesInFlight),
  );
  meter.gauge('ingest_queue_age_seconds', 'Age of the oldest append under way', [], (gauge) =>
    gauge.set(admission.queueAgeMs() / 1000),
  );
  let lastAppendFailed = false;
  health.add('ingest', () =>
    lastAppendFailed
      ? { status: 'warn', detail: 'the last samples could not be written to the log' }
      : { status: 'pass' },
  );

  async function append(batch: SampleBatch): Promise<void> {
    const beganMs = performance.now();
    try {
      await log.append(topics.metrics.name, batch.records);
      if (lastAppendFailed) options.logger.info('samples can be written again');
      lastAppendFailed = false;
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      if (!lastAppendFailed) options.logger.warn({ reason: error.message }, 'samples cannot be written');
      lastAppendFailed = true;
      throw tryLater('the log cannot be written right now');
    } finally {
      appendSeconds.observe((performance.now() - beganMs) / 1000);
    }
  }

  async function publish(batch: SampleBatch, origin: Origin): Promise<void> {
    if (batch.records.length === 0) return;
    await withinTime(admission.watch(append(batch)));
    accepted.inc({ protocol: origin.protocol }, batch.records.length);
    if (batch.skewed > 0) countSkewed(origin.subject, batch.skewed);
  }

  const parts: IngestParts = {
    admission,
    timeBounds: options.timeBounds ?? { pastMsMax: timestampPastMsMax, futureMsMax: timestampFutureMsMax },
    now: options.now ?? Date.now,
    publish,
    countRejected: (protocol, reason) => rejected.inc({ protocol, reason }),
  };
  return { routes: ingestRoutes(parts) };
}

/** A sender that gave up repeats its samples anyway: better that it hears so from us, and when. */
async function withinTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tryLater(`the samples were not written within ${answerMsMax} ms`)), answerMsMax);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // When the time is up first, the append still settles, and nobody waits for it.
    work.catch(() => {});
  }
}

function skewCounter(meter: Meter): (subject: string, samples: number) => void {
  const skewed = meter.counter('ingest_clock_skew_total', 'Samples dated ahead of our clock, set to now', ['subject']);
  const subjects = new Set<string>();
  return (subject, samples) => {
    if (subjects.size < skewedSubjectsMax) subjects.add(subject);
    skewed.inc({ subject: subjects.has(subject) ? subject : 'other' }, samples);
  };
}
