// B13: changes of rules (b13-rules-changes.ts), and the list of a million rules, over HTTP from the console: pages from the beginning, after a rule and in the middle, and searches with
// many hits, few and none. Each question is asked with words that were not asked before.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rulesChanges } from './b13-rules-changes.ts';
import type { Options } from './support/options.ts';
import { hostCount, kinds, rulesPerService, withManyRules, type ManyRules } from './support/many-rules.ts';
import { quantile } from './support/quantiles.ts';
import { randomNumbers } from './support/random.ts';
import { once, type Result } from './support/result.ts';

export async function rulesApi(options: Options): Promise<Result[]> {
  return [...(await rulesChanges(options)), ...(await rulesList(options))];
}

function rulesList(options: Options): Promise<Result[]> {
  const count = options.isShort ? 20_000 : 1_000_000;
  return withManyRules(count, async (rules) => [
    ...(await ask(rules.url, count, options.isShort ? 5 : 300)),
    ...costs(rules, count),
  ]);
}

interface Answer {
  readonly rules: readonly { readonly rule: { readonly id: string } }[];
  readonly next?: string;
}

async function ask(url: string, count: number, times: number): Promise<Result[]> {
  const chance = randomNumbers(1);
  const below = (most: number): number => Math.floor(chance() * most);
  const services = Math.floor(count / rulesPerService);
  const questions: [what: string, query: () => Record<string, string>, hits: (found: number) => boolean][] = [
    ['first page', () => ({}), (found) => found === 100],
    ['the page after a rule', () => ({ after: randomUUID() }), (found) => found > 0],
    ['a page at any rank', () => ({ skip: String(below(count - 100)) }), (found) => found === 100],
    ['search, many hits', () => ({ q: `metric:*${kinds[below(6)]}`, after: randomUUID() }), (found) => found > 0],
    ['search, 60 hits', () => ({ q: `metric:service-${below(services)}.*` }), (found) => found === rulesPerService],
    ['search, one hit in a description', () => ({ q: `case ${2 * below(count / 2)}` }), (found) => found > 0],
    [
      'search, a tag and a word that are common and seldom together',
      () => ({ q: `tag:host=web-${below(hostCount)} payments cpu` }),
      () => true,
    ],
    ['search, none', () => ({ q: `nowhere-${randomUUID().slice(0, 6)}` }), (found) => found === 0],
    ['search, none, two letters', () => ({ q: ['zq', 'xz', 'qj'][below(3)]! }), (found) => found === 0],
    ['search, each word common, together none', () => ({ q: 'payments search' }), (found) => found === 0],
    ['search, by state: the disabled', () => ({ q: 'state:disabled' }), (found) => found > 0],
    ['search, by state: firing', () => ({ q: 'state:firing' }), (found) => found === 0],
  ];
  const results: Result[] = [];
  const all: number[] = [];
  for (const [what, query, isRight] of questions) {
    const tookMs: number[] = [];
    let bytes = 0;
    for (let time = 0; time < times; time++) {
      const address = `${url}/api/v1/rules?${new URLSearchParams({ limit: '100', ...query() }).toString()}`;
      const beganMs = performance.now();
      const answer = await fetch(address);
      const text = await answer.text();
      tookMs.push(performance.now() - beganMs);
      const { rules } = JSON.parse(text) as Answer;
      assert.ok(answer.ok && isRight(rules.length), `${what}: ${answer.status}, ${rules.length} rules`);
      bytes = Math.max(bytes, text.length);
    }
    // The first ones of each kind are of a process that has just begun.
    all.push(...tookMs.slice(times / 10));
    results.push(row(`${what}: p50`, quantile(tookMs, 0.5)), row(`${what}: p99`, quantile(tookMs, 0.99)));
    if (what === 'first page')
      results.push({ ...row(`${what}: of 100 rules`, bytes / 1_000), unit: 'kB', goal: { atMost: 100 } });
  }
  const goal = { atMost: 30 };
  return [{ ...row(`all of them: p99 of ${all.length}`, quantile(all, 0.99)), goal }, ...results];
}

function row(what: string, value: number): Result {
  return { scenario: 'B13', what, value: once(value), unit: 'ms' };
}

function costs({ builtMs, cpuMs, bytesPerRule }: ManyRules, count: number): Result[] {
  return [
    { ...row(`index of ${count} rules, beside answering: built in`, builtMs / 1_000), unit: 's' },
    { ...row('index: CPU', cpuMs / 1_000), unit: 's' },
    { ...row('index and the rest of the console: held', bytesPerRule), unit: 'B/rule' },
  ];
}
