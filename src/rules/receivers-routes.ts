import { Type } from 'typebox';
import { answers, documented } from '../http/open-api.ts';
import { subjectOf } from '../http/scope.ts';
import type { HttpApp, Routes } from '../http/http-app.ts';
import { shownReceiver, type ReceiverConfig } from '../receiver/receiver-config.ts';
import { ReceiverInput, ReceiversView as ReceiversAnswer, ReceiverView } from '../wire/receivers.ts';
import { TestSendView } from '../wire/webhooks.ts';
import { changeOf, entityTag, ifMatchHeaders } from './if-match.ts';
import { noReceiver, type ReceiverChanges } from './receiver-changes.ts';
import type { ParkedView } from './parked-view.ts';
import type { ReceiversView } from './receivers-view.ts';
import type { TestSend } from './test-send.ts';

export interface ReceiversRoutesOptions {
  readonly receivers: ReceiversView;
  readonly changes: ReceiverChanges;
  readonly tests: TestSend;
  readonly parked: ParkedView;
}

const Params = Type.Object({ name: Type.String({ description: 'The name of the receiver' }) });

/** Named places that rules send notifications to by `notify`. */
export function receiversRoutes(options: ReceiversRoutesOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    readingRoutes(app, options);
    writingRoutes(app, options);
  };
}

function readingRoutes(app: HttpApp, { receivers, parked }: ReceiversRoutesOptions): void {
  const shownWithState = (config: ReceiverConfig): ReceiverView => ({
    ...shownReceiver(config),
    delivery: parked.ofReceiver(config.name),
  });
  const read = { scope: 'receivers:read' as const };
  app.get(
    '/api/v1/receivers',
    {
      config: read,
      schema: { summary: 'List the receivers', response: answers({ 200: ReceiversAnswer }, 401, 403, 503) },
    },
    async (_request, reply) => {
      const { book } = receivers;
      await parked.refresh();
      return reply.send({ receivers: [...book].map(({ config }) => shownWithState(config)) });
    },
  );
  app.get(
    '/api/v1/receivers/:name',
    {
      config: read,
      schema: {
        summary: 'Read a receiver',
        params: Params,
        response: answers({ 200: ReceiverView }, 401, 403, 404, 503),
      },
    },
    async (request, reply) => {
      const entry = receivers.book.get(request.params.name);
      if (entry === undefined) throw noReceiver(request.params.name);
      await parked.refresh();
      return reply.header('etag', entityTag(entry)).send(shownWithState(entry.config));
    },
  );
}

function writingRoutes(app: HttpApp, { receivers, changes, tests }: ReceiversRoutesOptions): void {
  const write = { scope: 'receivers:write' as const };
  app.put(
    '/api/v1/receivers/:name',
    {
      config: write,
      schema: {
        summary: 'Create or replace a receiver',
        params: Params,
        headers: ifMatchHeaders,
        body: documented(ReceiverInput),
        response: answers({ 200: ReceiverView, 201: ReceiverView }, 400, 401, 403, 412, 413, 415, 422, 503),
      },
    },
    async (request, reply) => {
      const { config, place, isNew } = await changes.put(request.body, {
        name: request.params.name,
        ...changeOf(request),
      });
      return reply
        .code(isNew ? 201 : 200)
        .header('etag', entityTag(place))
        .send(shownReceiver(config));
    },
  );
  app.delete(
    '/api/v1/receivers/:name',
    {
      config: write,
      schema: {
        summary: 'Delete a receiver that no rule names',
        params: Params,
        headers: ifMatchHeaders,
        response: answers({ 200: Type.Object({}) }, 400, 401, 403, 404, 409, 412, 413, 415, 503),
      },
    },
    async (request, reply) => {
      await changes.remove({ name: request.params.name, ...changeOf(request) });
      return reply.send({});
    },
  );
  app.post(
    '/api/v1/receivers/:name/test',
    {
      config: write,
      schema: {
        summary: 'Send a test message to a receiver',
        params: Params,
        response: answers({ 200: TestSendView }, 400, 401, 403, 404, 413, 415, 429, 503),
      },
    },
    async (request, reply) => {
      const entry = receivers.book.get(request.params.name);
      if (entry === undefined) throw noReceiver(request.params.name);
      return reply.send(await tests.ofReceiver(entry.config, subjectOf(request.identity)));
    },
  );
}
