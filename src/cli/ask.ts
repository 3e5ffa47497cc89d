import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiReply, ApiRequest } from '../app.ts';
import { reasonOf } from '../base/reason.ts';
import type { Problem } from '../wire/problem.ts';
import { shown } from './table.ts';

const answerMsMax = 60_000;
const readyMsMax = 30_000;
const againMs = 500;

/** Asks a process of SSRMS. Rejects with an Error that is fit to be shown when it does not answer. */
export async function askOverHttp(address: string, token: string | undefined, request: ApiRequest): Promise<ApiReply> {
  const base = new URL(address);
  const lateMs = performance.now() + readyMsMax;
  for (;;) {
    const answer = await askOnce(base, token, request);
    // It reads the log first, since it was just started or has not been asked this before.
    if (answer.status !== 503 || !isRepeatable(request) || performance.now() > lateMs) return answer;
    await sleep(againMs);
  }
}

/** What changes nothing can be asked again. */
function isRepeatable({ method, path }: ApiRequest): boolean {
  return method === 'GET' || ['/api/v1/rules/backtest', '/api/v1/rules/export'].includes(path);
}

async function askOnce(
  base: URL,
  token: string | undefined,
  { method, path, body, etag }: ApiRequest,
): Promise<ApiReply> {
  const answer = await fetch(new URL(path.slice(1), base.href.endsWith('/') ? base : `${base.href}/`), {
    method,
    redirect: 'error',
    signal: AbortSignal.timeout(answerMsMax),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(etag !== undefined && { 'if-match': etag }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new Error(
      `no answer from ${base.origin} (${reasonOf(error)}): is "npm start" running? SSRMS_URL says where to ask`,
    );
  });
  return { status: answer.status, body: await answer.text(), etag: answer.headers.get('etag') ?? undefined };
}

export function refusal({ status, body }: { status: number; body: string }): Error {
  let detail = body.slice(0, 200);
  try {
    detail = (JSON.parse(body) as Partial<Problem>).detail ?? detail;
  } catch {
    // Not problem+json: the text as it is says more than nothing.
  }
  return new Error(`refused (${status}): ${shown(detail)}`);
}
