import { Type } from 'typebox';
import type { Health } from '../base/health.ts';
import type { Meter } from '../base/meter.ts';
import { Failure } from '../base/failure.ts';
import type { Auth } from './auth.ts';
import { HealthView } from '../wire/health.ts';
import { answers, answersAsText, content } from './open-api.ts';
import type { HttpApp } from './http-app.ts';

/** The state of a process: for an orchestrator, for Prometheus, and for those who write a client. */
export function statusRoutes(app: HttpApp, parts: { auth: Auth | undefined; health: Health; meter: Meter }): void {
  const { auth, health, meter } = parts;

  app.get(
    '/health',
    {
      config: { public: true },
      schema: {
        summary: 'How the parts of this process are',
        response: answers({ 200: HealthView, 503: HealthView }),
      },
    },
    async (request, reply) => {
      const report = health.report();
      reply.code(report.status === 'fail' ? 503 : 200).header('cache-control', 'no-store');
      return healthView(report, await mayKnowDetails(request.headers.authorization, auth));
    },
  );
  app.get(
    '/health/live',
    {
      config: { public: true },
      schema: { summary: 'Answers as long as the process can', response: answers({ 200: HealthView }) },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return plainView('pass', 'alive');
    },
  );
  app.get(
    '/health/ready',
    {
      config: { public: true },
      schema: {
        summary: 'Whether requests may be sent here: 503 while something is starting',
        response: answers({ 200: HealthView, 503: HealthView }),
      },
    },
    async (_request, reply) => {
      const starting = health.starting();
      reply.code(starting.length > 0 ? 503 : 200).header('cache-control', 'no-store');
      if (starting.length > 0) reply.header('retry-after', '1');
      return starting.length > 0 ? plainView('fail', 'starting') : plainView('pass', 'ready');
    },
  );
  documentRoutes(app, meter);
}

function documentRoutes(app: HttpApp, meter: Meter): void {
  app.get(
    '/metrics',
    {
      config: { scope: 'system:read', orScope: 'admin' },
      schema: {
        summary: 'Metrics of this process, for Prometheus',
        response: answersAsText({ 200: content('text/plain', Type.String(), 'Prometheus text format') }, 401, 403),
      },
    },
    async (_request, reply) => {
      reply.type(meter.contentType).header('cache-control', 'no-store');
      return meter.text();
    },
  );
  app.get(
    '/api/v1/openapi.json',
    {
      config: { public: true },
      schema: {
        summary: 'This document',
        response: answersAsText({ 200: Type.Record(Type.String(), Type.Unknown()) }),
      },
    },
    async (_request, reply) => {
      reply.type('application/json');
      return JSON.stringify(app.swagger());
    },
  );
}

const meanings: Record<HealthView['status'], string> = {
  pass: 'ready for queries and writes',
  warn: 'works, and needs attention',
  fail: 'does not do its work',
};

function plainView(status: HealthView['status'], message: string): HealthView {
  return { name: 'ssrms', message, status };
}

function healthView({ status, checks }: ReturnType<Health['report']>, withDetails: boolean): HealthView {
  if (!withDetails) return plainView(status, meanings[status]);
  const parts = Object.entries(checks).map(([name, check]) => {
    return { name, status: check.status, message: check.detail ?? meanings[check.status] };
  });
  const faults = parts.filter((part) => part.status !== 'pass').map(({ name, message }) => `${name}: ${message}`);
  const message = faults.length === 0 ? meanings[status] : `${meanings[status]}: ${faults.join('; ')}`;
  return { ...plainView(status, message), checks: parts };
}

/** Anybody may ask whether the process lives; what its parts are called is for those who hold a token. */
async function mayKnowDetails(authorization: string | undefined, auth: Auth | undefined): Promise<boolean> {
  if (auth === undefined) return true;
  if (authorization === undefined) return false;
  try {
    await auth.identify(authorization);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
