import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import type { HttpApp, Routes } from '../http/http-app.ts';
import type { Log } from '../log/log.ts';
import { Admission, admissionLimits, type AdmissionLimits } from './admission.ts';
import { influxRoutes } from './influx-routes.ts';
import { timestampFutureMsMax, timestampPastMsMax } from './ingest-limits.ts';
import { ingestMeters } from './ingest-meters.ts';
import { ingestRoutes } from './ingest-routes.ts';
import type { IngestParts } from './intake.ts';
import { otlpRoutes } from './otlp-routes.ts';
import { Quotas, type QuotaLimits } from './quotas.ts';
import { RecordPool } from './record-pool.ts';
import { remoteWriteRoutes } from './remote-write-routes.ts';
import { SampleWriter } from './sample-writer.ts';
import type { TimeBounds } from './sample-time.ts';

export interface IngestOptions {
  readonly log: Log;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly timeBounds?: TimeBounds;
  readonly admission?: AdmissionLimits;
  readonly quotas?: QuotaLimits;
  /** Lets clients of Influx' first API send their token as the password of Basic. */
  readonly influxBasic?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The ingest service: routes alone, for nothing happens between requests. */
export function createIngest(options: IngestOptions): { readonly routes: Routes } {
  const { log, health, logger } = options;
  const admission = new Admission(health, options.admission ?? admissionLimits);
  const meters = ingestMeters(options.meter, admission);
  const pool = new RecordPool();
  const writer = new SampleWriter({ log, admission, meters, health, logger, pool });
  const parts: IngestParts = {
    admission,
    quotas: new Quotas(options.quotas ?? {}),
    timeBounds: options.timeBounds ?? { pastMsMax: timestampPastMsMax, futureMsMax: timestampFutureMsMax },
    pool,
    now: options.now ?? Date.now,
    readers: () => writer.readers(),
    publish: (sink, origin) => writer.publish(sink, origin),
    countRefused: (sink, origin) => meters.refused(sink, origin),
    logFault(error, { code }) {
      if (code === 'internal') logger.error({ err: error }, 'a request failed');
    },
  };
  const routes = [
    ingestRoutes(parts),
    remoteWriteRoutes(parts),
    otlpRoutes(parts),
    influxRoutes(parts, options.influxBasic === true),
  ];
  return {
    async routes(app) {
      leaveBodies(app);
      for (const add of routes) await add(app);
    },
  };
}

/** Leaves bodies of any type unread, for a route to read as a stream: what is refused is then never held. */
function leaveBodies(app: HttpApp): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}
