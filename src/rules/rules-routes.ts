import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { pageItemsMax } from '../http/limits.ts';
import { answers, answersAsText, documented } from '../http/open-api.ts';
import { subjectOf, type Identity } from '../http/scope.ts';
import type { HttpApp, Routes } from '../http/http-app.ts';
import type { RulePage } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { formatRule, type Rule } from '../rule/rule.ts';
import { maskedRule } from '../rule/masked-rule.ts';
import { ListedRule, RuleInput, RuleAnswer } from '../wire/rules.ts';
import type { ParkedView } from './parked-view.ts';
import { changeOf, entityTag, ifMatchHeaders } from './if-match.ts';
import { noRule, type RuleChanges, type StoredRule } from './rule-changes.ts';
import type { RulesView } from './rules-view.ts';

/** Who sees a webhook's URL, which is a secret: all readers of rules, writers only, or no one. */
export type RevealWebhookUrl = 'all' | 'writers' | 'never';

export interface RulesRoutesOptions {
  readonly view: RulesView;
  readonly changes: RuleChanges;
  readonly parked: ParkedView;
  readonly reveal: RevealWebhookUrl;
}

const ParamsSchema = Type.Object({ id: Type.String({ description: 'The id of the rule' }) });
const NameParamsSchema = Type.Object({ name: Type.String({ description: 'The name of the rule' }) });
const ListQuerySchema = Type.Object(
  {
    metric_name: Type.Optional(Type.String({ description: 'Only rules on this metric' })),
    name: Type.Optional(
      Type.String({ description: 'Only the rule with this name; two, where two instances each made one' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: pageItemsMax, description: 'Without it all rules are sent' }),
    ),
    after: Type.Optional(Type.String({ description: 'Only rules whose id is greater' })),
    expand: Type.Optional(
      Type.Enum(['delivery'], {
        description:
          'Adds `delivery` to rules with a parked or failing target: state, reason, since, tries, next_probe',
      }),
    ),
  },
  { additionalProperties: false },
);
interface ListQuery {
  readonly metric_name?: string | undefined;
  readonly name?: string | undefined;
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
  readonly expand?: 'delivery' | undefined;
}

/** How the rules of one list are shown. */
interface Showing {
  readonly isMasked: boolean;
  /** When what became of deliveries is to be added. */
  readonly parked: ParkedView | undefined;
}

const ruleInput = documented(RuleInput);

/** Rules over HTTP. Bodies are JSON; a change is answered once it is durable and this instance shows it. */
export function rulesRoutes(options: RulesRoutesOptions): Routes {
  return (app) => {
    app.addHook('onRequest', (_request, reply, done) => {
      reply.header('cache-control', 'no-store');
      done();
    });
    readingRoutes(app, options);
    writingRoutes(app, options);
    namedRoutes(app, options);
  };
}

function readingRoutes(app: HttpApp, { view, parked, reveal }: RulesRoutesOptions): void {
  const read = { scope: 'rules:read' as const };
  app.get(
    '/rules',
    {
      config: read,
      schema: {
        summary: 'List the rules',
        querystring: ListQuerySchema,
        response: answersAsText({ 200: Type.Array(ListedRule) }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const query: ListQuery = request.query;
      const isExpanded = query.expand === 'delivery';
      if (isExpanded) await parked.refresh();
      const showing = { isMasked: isMasked(reveal, request.identity), parked: isExpanded ? parked : undefined };
      reply.type('application/json');
      if (query.limit === undefined) return reply.send(Readable.from(listText(view, query, showing)));
      const found = view.book.page({ ...filterOf(query), after: query.after, limit: query.limit + 1 });
      const page = found.slice(0, query.limit);
      if (found.length > page.length) reply.header('link', `<${nextAddress(query, page.at(-1)!)}>; rel="next"`);
      return reply.send(`[${page.map((entry) => listedRule(entry, showing)).join(',')}]`);
    },
  );
  app.get(
    '/rules/:id',
    {
      config: read,
      schema: {
        summary: 'Read a rule',
        params: ParamsSchema,
        response: answersAsText({ 200: RuleAnswer }, 401, 403, 404, 503),
      },
    },
    async (request, reply) => {
      const entry = view.book.get(request.params.id);
      if (entry === undefined) throw noRule(request.params.id);
      reply.type('application/json').header('etag', entityTag(entry));
      return reply.send(shownRule(entry.rule, entry, isMasked(reveal, request.identity)));
    },
  );
}

const write = { scope: 'rules:write' as const };

function writingRoutes(app: HttpApp, options: RulesRoutesOptions): void {
  const { changes } = options;
  const errors = [400, 401, 403, 404, 409, 412, 413, 415, 422, 503];
  app.post(
    '/rules',
    {
      config: write,
      schema: {
        summary: 'Make a rule',
        body: ruleInput,
        response: answersAsText({ 201: RuleAnswer }, 400, 401, 403, 409, 413, 415, 422, 503),
      },
    },
    async (request, reply) => {
      const made = await changes.create(request.body, subjectOf(request.identity));
      reply
        .code(201)
        .type('application/json')
        .header('etag', entityTag(made.place))
        .header('location', `/rules/${made.rule.id}`);
      return reply.send(textOf(made, options));
    },
  );
  app.put(
    '/rules/:id',
    {
      config: write,
      schema: {
        summary: 'Replace a rule',
        params: ParamsSchema,
        headers: ifMatchHeaders,
        body: ruleInput,
        response: answersAsText({ 200: RuleAnswer }, ...errors),
      },
    },
    async (request, reply) => {
      const stored = await changes.replace(request.body, { id: request.params.id, ...changeOf(request) });
      reply.type('application/json').header('etag', entityTag(stored.place));
      return reply.send(textOf(stored, options));
    },
  );
  app.delete(
    '/rules/:id',
    {
      config: write,
      schema: {
        summary: 'Delete a rule',
        params: ParamsSchema,
        headers: ifMatchHeaders,
        response: answers({ 200: Type.Object({}) }, ...errors),
      },
    },
    async (request, reply) => {
      await changes.remove({ id: request.params.id, ...changeOf(request) });
      return reply.send({});
    },
  );
}

function namedRoutes(app: HttpApp, options: RulesRoutesOptions): void {
  app.put(
    '/rules/by-name/:name',
    {
      config: write,
      schema: {
        summary: 'Make the rule with this name, or replace it',
        description: 'Its id is made of the name, so that two instances agree. 409: several rules have the name',
        params: NameParamsSchema,
        headers: ifMatchHeaders,
        body: ruleInput,
        response: answersAsText({ 200: RuleAnswer, 201: RuleAnswer }, 400, 401, 403, 409, 412, 413, 415, 422, 503),
      },
    },
    async (request, reply) => {
      const { isNew, ...stored } = await options.changes.putByName(request.body, {
        name: request.params.name,
        ...changeOf(request),
      });
      reply.type('application/json').header('etag', entityTag(stored.place));
      if (isNew) reply.code(201).header('location', `/rules/${stored.rule.id}`);
      return reply.send(textOf(stored, options));
    },
  );
}

/** What a change is answered with. */
function textOf({ rule, text }: StoredRule, { view, reveal }: Pick<RulesRoutesOptions, 'view' | 'reveal'>): string {
  return reveal === 'never' ? shownRule(rule, view.book.get(rule.id), true) : text;
}

export function isMasked(reveal: RevealWebhookUrl, identity: Identity | undefined): boolean {
  if (reveal === 'all') return false;
  return reveal === 'never' || (identity !== undefined && !identity.scopes.has('rules:write'));
}

/** Why somebody is not shown the URLs. */
export function whyMasked(reveal: RevealWebhookUrl): string {
  return reveal === 'never'
    ? 'webhook URLs are shown to nobody here (REVEAL_WEBHOOK_URL is never)'
    : 'webhook URLs are shown to tokens with the scope rules:write alone (REVEAL_WEBHOOK_URL)';
}

/** The rule's text, the webhook's URL masked if it must be; `entry` has the URL taken apart. */
export function shownRule(given: Rule, entry: RuleEntry | undefined, masked: boolean): string {
  if (!masked) return formatRule(given);
  return formatRule(maskedRule({ rule: given, webhook: entry?.webhook }));
}

function listedRule(entry: RuleEntry, { isMasked: masked, parked }: Showing): string {
  const text = shownRule(entry.rule, entry, masked);
  const delivery = parked?.ofRule(entry);
  return delivery === undefined ? text : `${text.slice(0, -1)},"delivery":${JSON.stringify(delivery)}}`;
}

function filterOf({ metric_name: metricName, name }: ListQuery): Pick<RulePage, 'metricName' | 'name'> {
  return { metricName, name };
}

function nextAddress(query: ListQuery, last: RuleEntry): string {
  const next = new URLSearchParams({ limit: String(query.limit), after: last.rule.id });
  if (query.metric_name !== undefined) next.set('metric_name', query.metric_name);
  if (query.name !== undefined) next.set('name', query.name);
  if (query.expand !== undefined) next.set('expand', query.expand);
  return `/rules?${next.toString()}`;
}

/** All rules, page by page, for the book may change between two pages and a hundred thousand rules are not one text. */
function* listText(view: RulesView, query: ListQuery, showing: Showing): Generator<string> {
  const { book } = view;
  let { after } = query;
  let before = '[';
  for (;;) {
    const page = book.page({ ...filterOf(query), after, limit: pageItemsMax });
    if (page.length > 0) yield before + page.map((entry) => listedRule(entry, showing)).join(',');
    if (page.length > 0) before = ',';
    if (page.length < pageItemsMax) break;
    after = page.at(-1)!.rule.id;
  }
  yield before === '[' ? '[]' : ']';
}
