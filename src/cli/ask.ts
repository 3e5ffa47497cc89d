import type { ApiReply, ApiRequest } from '../app.ts';
import { reasonOf } from '../base/reason.ts';
import type { Problem } from '../wire/problem.ts';
import { shown } from './table.ts';

const answerMsMax = 60_000;

/** Asks a process of SSRMS. Rejects with an Error that is fit to be shown when it does not answer. */
export async function askOverHttp(
  address: string,
  token: string | undefined,
  { method, path, body, etag }: ApiRequest,
): Promise<ApiReply> {
  const base = new URL(address);
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
      `no answer from ${base.origin} (${reasonOf(error)}): is "npm start" running there? SSRMS_URL says where to ask`,
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
