import { Failure } from '../base/failure.ts';
import { reasonOf } from '../base/reason.ts';
import type { Log } from '../log/log.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import { topics } from '../topics.ts';

export interface SourceSample {
  readonly name: string;
  readonly value: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}

/** Resolves when the sample is durable. Rejects with a Failure when it was refused; after other errors a retry can help. */
export type Publish = (sample: SourceSample) => Promise<void>;

const answerMsMax = 10_000;

/** Writes to the `metrics` topic itself. */
export function publishToLog(log: Log): Publish {
  const text = new TextEncoder();
  return async (sample) => {
    const value = text.encode(formatSampleValue(sample.value, sample.tags));
    await log.append(topics.metrics.name, [{ key: text.encode(sample.name), value, timestampMs: sample.timestampMs }]);
  };
}

/** Posts to an ingest service, such as http://127.0.0.1:9090. */
export function publishToIngest(address: string, token: string | undefined): Publish {
  const url = new URL('api/v1/metrics', address.endsWith('/') ? address : `${address}/`);
  return async ({ name, value, tags, timestampMs }) => {
    const answer = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(answerMsMax),
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ name, value, timestamp: timestampMs, ...(Object.keys(tags).length > 0 && { tags }) }),
    }).catch((error: unknown) => {
      throw new Error(`no answer from ${url.origin} (${reasonOf(error)}): is "npm start" running?`);
    });
    const body = await answer.text();
    if (answer.ok) return;
    // Ingest is a service of its own on Kafka: what answers here is another one.
    if (answer.status === 404 || answer.status === 405) {
      const elsewhere = 'name "ssrms ingest" with --ingest (port 5002), or Kafka with BROKER';
      throw new Failure('not_found', `${url.origin} takes no samples: ${elsewhere}`);
    }
    if (answer.status < 500 && answer.status !== 429) throw refusal(answer.status, body);
    throw new Error(`${url.origin} answered ${answer.status}`);
  };
}

function refusal(status: number, body: string): Failure {
  let detail = body.slice(0, 200);
  try {
    detail = (JSON.parse(body) as { detail?: string }).detail ?? detail;
  } catch {
    // It is no problem+json: show its text unchanged.
  }
  const code = status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'invalid_request';
  return new Failure(code, `the ingest service refused the sample (${status}): ${detail}`);
}
