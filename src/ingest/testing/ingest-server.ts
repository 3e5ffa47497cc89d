import { Health } from '../../base/health.ts';
import { Meter } from '../../base/meter.ts';
import type { Auth } from '../../http/auth.ts';
import { listeningServer, testAuth, testLogger, type TestServer } from '../../http/testing/test-server.ts';
import { openTestLog, type TestLog } from '../../http/testing/test-log.ts';
import { createIngest, type IngestOptions } from '../ingest.ts';

export interface IngestServer extends TestServer {
  readonly storage: TestLog;
  post(path: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<Response>;
  /** The records of `metrics` whose name begins so, `name: value` each. */
  written(prefix: string): Promise<string[]>;
  close(): Promise<void>;
}

/** The ingest service on a port and an embedded log of its own; with `auth: true` it takes the tests' usual tokens. */
export async function startIngest(
  options: Partial<IngestOptions> & { readonly auth?: boolean | Auth } = {},
): Promise<IngestServer> {
  const storage = await openTestLog();
  const [health, meter] = [new Health(), new Meter()];
  const { auth, ...more } = options;
  const ingest = createIngest({ log: storage.log, health, meter, logger: testLogger, ...more });
  const it = await listeningServer([ingest.routes], {
    health,
    meter,
    auth: auth === true ? testAuth() : auth || undefined,
  });
  return {
    ...it,
    storage,
    post: (path, body, headers = {}) =>
      fetch(`${it.url}${path}`, { method: 'POST', body: typeof body === 'string' ? body : Buffer.from(body), headers }),
    async written(prefix) {
      const records = await storage.records('metrics');
      return records.filter(({ key }) => key.startsWith(prefix)).map(({ key, value }) => `${key}: ${value}`);
    },
    async close() {
      await it.server.close();
      await storage.remove();
    },
  };
}
