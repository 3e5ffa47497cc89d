import { answers } from '../../http/open-api.ts';
import type { Routes } from '../../http/http-app.ts';
import { StatusView, type StatusNumbers } from '../../wire/status.ts';

/** The strip above every screen: firing alarms, throughput, lag and delivery time. */
export function statusRoute(status: () => StatusNumbers, now: () => number): Routes {
  return (app) => {
    app.get(
      '/api/v1/status',
      {
        config: { scope: 'alarms:read' },
        schema: {
          summary: 'Rules, alarms and samples in numbers',
          response: answers({ 200: StatusView }, 401, 403, 503),
        },
      },
      async (_request, reply) => reply.header('cache-control', 'no-store').send({ time_ms: now(), ...status() }),
    );
  };
}
