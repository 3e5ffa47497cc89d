/**
 * The rules in force, as far as the `rules` log has been read. A record that cannot be read as a rule changes nothing: the
 * last good version stays in force and the problem is remembered under the rule's id, until a good version or a deletion
 * takes its place.
 *
 *   rules log ──> apply(record) ──> Change: set | deleted | problem | nothing
 *                     │
 *                     ├── by id ── by metric ── by name ── in order of ids
 *                     └── problems
 */
import { assert } from '../base/assert.ts';
import { readRecord, RecordProblems, textOf } from '../base/record-problems.ts';
import { compileRule } from './condition.ts';
import { parseRule } from './parse-rule.ts';
import { isRuleId, ruleIdAllowed } from './rule-id.ts';
import type { Rule } from './rule.ts';
import { OneRule, OrderedRules, type RuleEntry, type RuleList } from './rule-list.ts';
import {
  parseWebhookUrl,
  withoutWebhookTokens,
  type Webhook,
  type WebhookProblem,
  type WebhookUrlOptions,
} from '../receiver/discord/address.ts';

/** One record of the `rules` topic. A null value deletes. */
export interface RuleRecord {
  readonly key: Uint8Array | string;
  readonly value: Uint8Array | string | null;
  readonly partition: number;
  readonly offset: number;
}

/** A record of the `rules` topic that is no rule. Without any secret. */
export interface RuleProblem {
  /** The record's key, cut short. */
  readonly id: string;
  readonly message: string;
  readonly partition: number;
  readonly offset: number;
}

export type RuleChange =
  | { readonly kind: 'set'; readonly entry: RuleEntry; readonly before: RuleEntry | undefined }
  | { readonly kind: 'deleted'; readonly before: RuleEntry }
  | { readonly kind: 'problem'; readonly problem: RuleProblem; readonly inForce: RuleEntry | undefined }
  /** A deletion of what was not there, or a record that was applied before. */
  | { readonly kind: 'nothing' };

/** What one page of rules asks for. */
export interface RulePage {
  readonly metricName?: string | undefined;
  readonly name?: string | undefined;
  /** Only rules whose id is greater. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** A record longer than this is no rule: the longest of all fields together, escaped, stays below it. */
export const ruleRecordBytesMax = 262_144;

const webhooksSharedMax = 65_536;
const keyCharactersShownMax = 80;
const noRules: RuleList = new OrderedRules();

/** What evaluation asks of the rules. */
export type RulesInForce = Pick<RuleBook, 'get' | 'byMetric' | typeof Symbol.iterator>;

export class RuleBook {
  readonly #options: WebhookUrlOptions;
  readonly #byId = new Map<string, RuleEntry>();
  readonly #byMetric = new Map<string, OneRule | OrderedRules>();
  /** In the order of their ids. Mostly one: two only when two instances each gave a rule the name. */
  readonly #byName = new Map<string, readonly RuleEntry[]>();
  readonly #sharedNames = new Set<string>();
  readonly #ordered = new OrderedRules();
  readonly #problems = new RecordProblems<RuleProblem>();
  /** By URL. Many rules have few webhooks: each is taken apart once, and its texts are shared. */
  readonly #webhooks = new Map<string, { readonly url: string; readonly webhook: Webhook | WebhookProblem }>();

  constructor(options: WebhookUrlOptions = {}) {
    this.#options = options;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Whether any rule has, or had, a Discord webhook of its own. */
  get hasWebhooks(): boolean {
    return this.#webhooks.size > 0;
  }

  /** How many metrics have rules. */
  get metricCount(): number {
    return this.#byMetric.size;
  }

  /** How many problems were forgotten because there were more than problemsMax at once. */
  get problemsForgotten(): number {
    return this.#problems.forgotten;
  }

  /** Never throws for what a record says. */
  apply(record: RuleRecord): RuleChange {
    const key = textOf(record.key);
    if (key === undefined || !isRuleId(key)) {
      if (record.value === null) return { kind: 'nothing' };
      const id = key === undefined ? 'not UTF-8' : withoutWebhookTokens(key).slice(0, keyCharactersShownMax);
      return this.#problem(record, id, `the key ${ruleIdAllowed}: it is the id of the rule`, undefined);
    }
    const before = this.#byId.get(key);
    if (before && before.partition === record.partition && record.offset <= before.offset) return { kind: 'nothing' };
    if (record.value === null) return this.#delete(key, before);
    const rule = this.#ruleOf(key, record.value);
    if (typeof rule === 'string') return this.#problem(record, key, rule, before);
    return this.#set(record, rule, before);
  }

  get(id: string): RuleEntry | undefined {
    return this.#byId.get(id);
  }

  /** The rules on a metric, enabled or not, in the order of their ids. One look-up. */
  byMetric(name: string): RuleList {
    return this.#byMetric.get(name) ?? noRules;
  }

  /** The rules with a name, in the order of their ids. */
  named(name: string): readonly RuleEntry[] {
    return this.#byName.get(name) ?? [];
  }

  /** The names that more than one rule has. */
  sharedNames(): ReadonlySet<string> {
    return this.#sharedNames;
  }

  /** At most `limit` rules in the order of their ids. */
  page(page: RulePage): RuleEntry[] {
    assert(page.limit >= 0, 'a page has no negative limit');
    if (page.name !== undefined) return this.#pageOfName(page.name, page);
    const list = page.metricName === undefined ? this.#ordered : this.byMetric(page.metricName);
    const rest = page.after === undefined ? list[Symbol.iterator]() : list.after(page.after);
    return Iterator.from(rest).take(page.limit).toArray();
  }

  #pageOfName(name: string, { metricName, after = '', limit }: RulePage): RuleEntry[] {
    return this.named(name)
      .filter(({ rule }) => rule.id > after && (metricName === undefined || rule.metric_name === metricName))
      .slice(0, limit);
  }

  /** The rules whose id is greater than this one, in order. Do not change the book while iterating. */
  after(id: string): IterableIterator<RuleEntry> {
    return this.#ordered.after(id);
  }

  /** The rule that so many come before in the order of ids. */
  at(rank: number): RuleEntry | undefined {
    return this.#ordered.at(rank);
  }

  /** All rules in the order of their ids. Do not change the book while iterating. */
  [Symbol.iterator](): Iterator<RuleEntry> {
    return this.#ordered[Symbol.iterator]();
  }

  /** The names of the metrics that have rules. */
  metricNames(): IterableIterator<string> {
    return this.#byMetric.keys();
  }

  problems(): RuleProblem[] {
    return this.#problems.all();
  }

  #set(record: RuleRecord, rule: Rule, before: RuleEntry | undefined): RuleChange {
    const { discord_webhook_url: url } = rule;
    const webhook = url === undefined ? undefined : this.#webhookOf(url).webhook;
    assert(webhook === undefined || !('problem' in webhook), 'a parsed rule has a webhook URL that can be taken apart');
    const entry: RuleEntry = {
      rule,
      condition: compileRule(rule),
      webhook,
      partition: record.partition,
      offset: record.offset,
    };
    if (before && before.rule.metric_name !== rule.metric_name) this.#leaveMetric(before);
    if (before) this.#leaveName(before);
    this.#problems.delete(rule.id);
    this.#byId.set(rule.id, entry);
    this.#ordered.set(entry);
    this.#joinMetric(entry);
    this.#joinName(entry);
    return { kind: 'set', entry, before };
  }

  #delete(id: string, before: RuleEntry | undefined): RuleChange {
    this.#problems.delete(id);
    if (before === undefined) return { kind: 'nothing' };
    this.#byId.delete(id);
    this.#ordered.delete(id);
    this.#leaveMetric(before);
    this.#leaveName(before);
    return { kind: 'deleted', before };
  }

  #joinMetric(entry: RuleEntry): void {
    const { id, metric_name: name } = entry.rule;
    const known = this.#byMetric.get(name);
    if (known instanceof OrderedRules) {
      known.set(entry);
    } else if (known === undefined || known.entry.rule.id === id) {
      this.#byMetric.set(name, new OneRule(entry));
    } else {
      const list = new OrderedRules();
      list.set(known.entry);
      list.set(entry);
      this.#byMetric.set(name, list);
    }
  }

  #leaveMetric({ rule }: RuleEntry): void {
    const known = this.#byMetric.get(rule.metric_name);
    if (known instanceof OrderedRules) known.delete(rule.id);
    if (known instanceof OneRule || known?.size === 0) this.#byMetric.delete(rule.metric_name);
  }

  #joinName(entry: RuleEntry): void {
    const { name } = entry.rule;
    if (name === undefined) return;
    this.#setName(
      name,
      [...this.named(name), entry].sort((one, other) => (one.rule.id < other.rule.id ? -1 : 1)),
    );
  }

  #leaveName({ rule: { id, name } }: RuleEntry): void {
    if (name === undefined) return;
    this.#setName(
      name,
      this.named(name).filter(({ rule }) => rule.id !== id),
    );
  }

  #setName(name: string, entries: readonly RuleEntry[]): void {
    if (entries.length > 0) this.#byName.set(name, entries);
    else this.#byName.delete(name);
    if (entries.length > 1) this.#sharedNames.add(name);
    else this.#sharedNames.delete(name);
  }

  #problem(record: RuleRecord, id: string, message: string, inForce: RuleEntry | undefined): RuleChange {
    const problem: RuleProblem = { id, message, partition: record.partition, offset: record.offset };
    this.#problems.add(id, problem);
    return { kind: 'problem', problem, inForce };
  }

  #webhookOf(url: string): { readonly url: string; readonly webhook: Webhook | WebhookProblem } {
    let known = this.#webhooks.get(url);
    if (known === undefined) {
      if (this.#webhooks.size >= webhooksSharedMax) this.#webhooks.clear();
      this.#webhooks.set(url, (known = { url, webhook: parseWebhookUrl(url, this.#options) }));
    }
    return known;
  }

  /** The rule, or why the value is none. */
  #ruleOf(id: string, value: Uint8Array | string): Rule | string {
    return readRecord(value, ruleRecordBytesMax, (json) => {
      const parseWebhook = (url: string): Webhook | WebhookProblem => this.#webhookOf(url).webhook;
      const rule = parseRule(json, { id, idInInput: 'required', parseWebhook });
      const { discord_webhook_url: url } = rule;
      return { ...rule, id, ...(url !== undefined && { discord_webhook_url: this.#webhookOf(url).url }) };
    });
  }
}
