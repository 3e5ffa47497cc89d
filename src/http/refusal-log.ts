import type { FastifyRequest } from 'fastify';
import type { Failure } from '../base/failure.ts';
import { withoutSecrets, type Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { Allowance } from './allowance.ts';

/** Lines of one address: somebody who tries tokens by the thousand must not fill the disk. */
const linesRate = { perSecond: 0.2, burst: 20 };

const forwardedCharactersMax = 200;

export type RefusalLog = (request: FastifyRequest, failure: Pick<Failure, 'status' | 'message'>) => void;

/** Logs who was refused for want of a token or a right; all are counted. */
export function refusalLog(logger: Logger, meter: Meter): RefusalLog {
  const refusals = meter.counter('http_refusals_total', 'Requests refused with 401 or 403', ['status']);
  const lines = new Allowance({ ...linesRate, detail: () => 'too many lines' });
  return (request, { status, message }) => {
    if (status !== 401 && status !== 403) return;
    refusals.inc({ status: String(status) });
    if (!lines.tryTake(request.ip)) return;
    const { url: route } = request.routeOptions;
    const fields = { address: request.ip, method: request.method, route, status, reason: withoutSecrets(message) };
    // The proxy's header about its caller, which a client without a proxy may have forged.
    const forwarded = request.headers['x-forwarded-for'];
    const forwardedFor = forwarded === undefined ? undefined : String(forwarded).slice(0, forwardedCharactersMax);
    logger.warn({ ...fields, ...(forwardedFor !== undefined && { forwardedFor }) }, 'a request was refused');
  };
}
