import { Type, type Static, type TSchema } from 'typebox';
import { Failure } from '../base/failure.ts';
import { bulkRulesPerChange } from '../http/limits.ts';
import { answers, answersAsText, documented } from '../http/open-api.ts';
import { bodyCheck } from '../http/query.ts';
import type { HttpApp, Routes } from '../http/http-app.ts';
import { subjectOf } from '../http/scope.ts';
import { BulkOrder, BulkOutcome, ExportOrder, ImportDocument, ImportedView, ImportOrder } from '../wire/bulk.ts';
import { RuleAnswer } from '../wire/rules.ts';
import { BulkChanges } from './bulk-changes.ts';
import type { RuleChanges } from './rule-changes.ts';
import { isMasked, shownRule, whyMasked, type RevealWebhookUrl } from './rules-routes.ts';
import type { RulesView } from './rules-view.ts';

export interface BulkRoutesOptions {
  readonly view: RulesView;
  readonly changes: RuleChanges;
  readonly reveal: RevealWebhookUrl;
}

/** Rules with all their fields are large: a thousand usual ones fit. */
const importBytesMax = 4 * 1024 * 1024;

/** Makes the reading of a body of this form. */
function bodyOf<Schema extends TSchema>(schema: Schema): (body: unknown) => Static<Schema> {
  const check = bodyCheck(schema);
  return (body) => {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Failure('invalid_request', 'the body must be a JSON object');
    const found = check(body);
    if ('error' in found) throw found.error;
    return found.value as Static<Schema>;
  };
}

const orderOf = bodyOf(BulkOrder);
const importOf = bodyOf(ImportOrder);
const exportOf = bodyOf(ExportOrder);

/** What the page and scripts do to many rules in one request. */
export function bulkRoutes(options: BulkRoutesOptions): Routes {
  const bulk = new BulkChanges(options.view, options.changes);
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    changeRoutes(app, bulk);
    exportRoute(app, options);
  };
}

function changeRoutes(app: HttpApp, bulk: BulkChanges): void {
  const config = { scope: 'rules:write' as const };
  const errors = [400, 401, 403, 413, 415, 503];
  app.post(
    '/api/v1/rules/bulk',
    {
      config,
      schema: {
        summary: 'Enable, disable or delete many rules',
        body: documented(BulkOrder),
        response: answers({ 200: BulkOutcome }, ...errors),
      },
    },
    async (request, reply) => {
      const order = orderOf(request.body);
      request.chargeChanges(order.rules.length / bulkRulesPerChange);
      return reply.send(await bulk.run({ ...order, subject: subjectOf(request.identity) }));
    },
  );
  app.post(
    '/api/v1/rules/import',
    {
      config,
      bodyLimit: importBytesMax,
      schema: {
        summary: 'Bring in many rules, or say what would become of each',
        description:
          'A rule with an id takes the place of the one that has it, or is made under it; one without is new.',
        body: documented(ImportDocument),
        response: answers({ 200: ImportedView }, ...errors),
      },
    },
    async (request, reply) => {
      const { rules, dry_run: isDry = false } = importOf(request.body);
      if (!isDry) request.chargeChanges(rules.length / bulkRulesPerChange);
      return reply.send({ rows: await bulk.import(rules, { isDry, subject: subjectOf(request.identity) }) });
    },
  );
}

function exportRoute(app: HttpApp, { view, reveal }: BulkRoutesOptions): void {
  app.post(
    '/api/v1/rules/export',
    {
      config: { scope: 'rules:read' as const },
      schema: {
        summary: 'Read many rules by their ids, as import takes them; those that are gone are left out',
        body: documented(ExportOrder),
        response: answersAsText({ 200: Type.Array(RuleAnswer) }, 400, 401, 403, 413, 415, 503),
      },
    },
    async (request, reply) => {
      const masked = isMasked(reveal, request.identity);
      const { ids, with_secrets: withSecrets } = exportOf(request.body);
      if (masked && withSecrets === true) throw new Failure('forbidden', whyMasked(reveal));
      const found = ids.flatMap((id) => view.book.get(id) ?? []);
      reply.type('application/json');
      return reply.send(`[${found.map((entry) => shownRule(entry.rule, entry, masked)).join(',')}]`);
    },
  );
}
