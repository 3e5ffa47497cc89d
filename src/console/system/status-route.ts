import { answers } from '../../http/open-api.ts';
import type { Routes } from '../../http/server.ts';
import { StatusSchema, type Status } from '../live/status.ts';

/** What stands above every screen: how many fire, what flows, and how late it is told. */
export function statusRoute(status: () => Status, now: () => number): Routes {
  return (app) => {
    app.get(
      '/api/v1/status',
      {
        config: { scope: 'alarms:read' },
        schema: {
          summary: 'Rules, alarms and samples in numbers',
          response: answers({ 200: StatusSchema }, 401, 403, 503),
        },
      },
      async (_request, reply) => reply.header('cache-control', 'no-store').send({ time_ms: now(), ...status() }),
    );
  };
}
