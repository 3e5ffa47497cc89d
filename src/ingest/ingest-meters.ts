import type { Meter } from '../base/meter.ts';
import type { Admission } from './admission.ts';
import { skewedSubjectsMax } from './ingest-limits.ts';
import type { Origin } from './intake.ts';
import type { SampleSink } from './sample-sink.ts';

/** What ingest counts. */
export interface IngestMeters {
  /** Samples of a request that were not written, by error. */
  refused(sink: SampleSink, origin: Origin): void;
  written(sink: SampleSink, origin: Origin): void;
  appended(seconds: number): void;
}

export function ingestMeters(meter: Meter, admission: Admission): IngestMeters {
  const accepted = meter.counter('ingest_samples_accepted_total', 'Samples written', ['protocol']);
  const rejected = meter.counter('ingest_samples_rejected_total', 'Samples not written', ['protocol', 'reason']);
  const skipped = meter.counter(
    'ingest_samples_skipped_total',
    'Samples that are right and have no value to publish: NaN, stale markers, texts',
    ['protocol', 'reason'],
  );
  const appendSeconds = meter.histogram(
    'ingest_append_seconds',
    'Time until a batch was durable',
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  );
  const skewed = meter.counter('ingest_clock_skew_total', 'Samples dated ahead of our clock, set to now', ['subject']);
  const subjects = new Set<string>();
  meter.gauge('ingest_bytes_in_flight', 'Unpacked bytes of the requests under way', [], (gauge) =>
    gauge.set(admission.bytesInFlight),
  );
  meter.gauge('ingest_queue_age_seconds', 'Age of the oldest append under way', [], (gauge) =>
    gauge.set(admission.queueAgeMs() / 1000),
  );
  return {
    refused(sink, { protocol }) {
      for (const [reason, count] of sink.rejectedBy) rejected.inc({ protocol, reason }, count);
      for (const [reason, count] of sink.skippedBy) skipped.inc({ protocol, reason }, count);
    },
    written(sink, { protocol, subject }) {
      accepted.inc({ protocol }, sink.accepted);
      if (sink.skewed === 0) return;
      if (subjects.size < skewedSubjectsMax) subjects.add(subject);
      skewed.inc({ subject: subjects.has(subject) ? subject : 'other' }, sink.skewed);
    },
    appended: (seconds) => appendSeconds.observe(seconds),
  };
}
