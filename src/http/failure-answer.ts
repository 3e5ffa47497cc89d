import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Failure } from '../base/failure.ts';
import { withoutSecrets } from '../base/logger.ts';
import { setChallenge } from './access.ts';
import { failureOf } from './problem.ts';

/** The failure behind an error, with its headers set; the route makes the body. The message may be sent. */
export function failureAnswer(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Pick<Failure, 'status' | 'message' | 'code'> {
  const failure = failureOf(error);
  setFailureHeaders(failure, request, reply);
  return { status: failure.status, code: failure.code, message: withoutSecrets(failure.message) };
}

export function setFailureHeaders(failure: Failure, request: FastifyRequest, reply: FastifyReply): void {
  setChallenge(request, reply, failure);
  if (failure.retryAfterSeconds !== undefined) reply.header('retry-after', String(failure.retryAfterSeconds));
}
