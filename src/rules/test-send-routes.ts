import { Type } from 'typebox';
import { answers, documented } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import { subjectOf } from '../http/scope.ts';
import { ruleInputSchema } from '../rule/rule-schema.ts';
import { TestSendView } from '../wire/webhooks.ts';
import { noRule } from './rule-changes.ts';
import type { RulesView } from './rules-view.ts';
import type { TestSend } from './test-send.ts';

export interface TestSendRoutesOptions {
  readonly view: RulesView;
  readonly tests: TestSend;
}

const ParamsSchema = Type.Object({ id: Type.String({ description: 'The id of the rule' }) });
const draft = documented(
  Type.Unsafe({
    ...ruleInputSchema,
    required: ['discord_webhook_url'],
    description: 'A rule, as far as it is written',
  }),
);

/** "Send test" of the page, for a rule that is saved and for one that is not. */
export function testSendRoutes({ view, tests }: TestSendRoutesOptions): Routes {
  const config = { scope: 'rules:write' as const };
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    app.post(
      '/rules/:id/test',
      {
        config,
        schema: {
          summary: "Send a test message to a rule's webhook",
          params: ParamsSchema,
          response: answers({ 200: TestSendView }, 400, 401, 403, 404, 413, 415, 429, 503),
        },
      },
      async (request, reply) => {
        const entry = view.book.get(request.params.id);
        if (entry === undefined) throw noRule(request.params.id);
        return reply.send(await tests.ofRule(entry.rule, subjectOf(request.identity)));
      },
    );
    app.post(
      '/api/v1/webhooks/test',
      {
        config,
        schema: {
          summary: 'Send a test message for a rule that is not saved',
          body: draft,
          response: answers({ 200: TestSendView }, 400, 401, 403, 413, 415, 429, 503),
        },
      },
      async (request, reply) => reply.send(await tests.ofDraft(request.body, subjectOf(request.identity))),
    );
  };
}
