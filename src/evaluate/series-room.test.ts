// F36: a flood of new series takes nothing from those that rules match, and new ones of these are let in.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { encodeBatch, setBaseOffset } from '../log/batch.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { formatRule, type Rule } from '../rule/rule.ts';
import { PartitionEvaluator, type Outcome } from './partition-evaluator.ts';
import { SeriesBudget } from './series-budget.ts';

const rule: Rule = {
  id: '21433034-8078-4f1a-bb8d-1ac996db395d',
  metric_name: 'cpu',
  threshold: 10,
  discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
};

interface Sent {
  readonly name?: string;
  readonly host: string;
  readonly value?: number;
}

class Bench {
  readonly budget: SeriesBudget;
  readonly evaluator: PartitionEvaluator;
  readonly outcomes: Partial<Record<Outcome, number>> = {};
  readonly fired: string[] = [];
  readonly #isChunked: boolean;
  #offset = 0;
  nowMs = 0;

  constructor(budget: SeriesBudget, isChunked: boolean) {
    const book = new RuleBook();
    book.apply({ key: rule.id, value: formatRule(rule), partition: 0, offset: 0 });
    this.budget = budget;
    this.#isChunked = isChunked;
    this.evaluator = new PartitionEvaluator(book, budget);
  }

  /** A second later these samples come, all in one batch. */
  send(...samples: readonly Sent[]): void {
    this.nowMs += 1_000;
    this.evaluator.monotonicMs = this.nowMs;
    const records = samples.map(({ name = 'cpu', host, value = 1 }) => ({
      key: Buffer.from(name),
      value: Buffer.from(`{"value": ${value}, "tags": {"host": "${host}"}}`),
      timestampMs: this.nowMs,
    }));
    const count = (outcome: Outcome, number: number): void => {
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + number;
    };
    if (this.#isChunked) {
      const batch = encodeBatch(records);
      setBaseOffset(batch, this.#offset);
      const nextOffset = this.#offset + records.length;
      const place = { firstOffset: this.#offset, nextOffset, headOffset: nextOffset };
      this.evaluator.evaluateChunk({ partition: 0, batches: [batch], ...place }, count);
    } else {
      for (const [index, record] of records.entries())
        count(this.evaluator.evaluate({ partition: 0, offset: this.#offset + index, ...record }), 1);
    }
    this.#offset += records.length;
    for (const { value } of this.evaluator.drain().notifications) this.fired.push(Buffer.from(value ?? []).toString());
  }

  holds(host: string, name = 'cpu'): boolean {
    return [...(this.evaluator.metrics.get(name)?.series.values() ?? [])].some(({ tags }) => tags.host === host);
  }
}

const flood = (count: number, from = 0, more: Partial<Sent> = {}): Sent[] =>
  Array.from({ length: count }, (_, index) => ({ host: `flood-${from + index}`, ...more }));

for (const isChunked of [false, true]) {
  const how = isChunked ? 'in chunks' : 'record by record';

  test(`${how}: in a metric that is full, series silent longest make room, and a new host fires at once`, () => {
    const bench = new Bench(new SeriesBudget(10_000, 300), isChunked);
    bench.send({ host: 'fires', value: 11 }, { host: 'steady' });
    for (let from = 0; from < 900; from += 90) bench.send(...flood(90, from), { host: 'steady' });
    assert.equal(bench.outcomes.too_many_series, undefined);
    // In one batch with more of the flood than there is room for, on both of its sides.
    bench.send(...flood(200, 900), { host: 'new', value: 12 }, { host: 'steady', value: 13 }, ...flood(200, 1_100));
    assert.deepEqual(bench.outcomes, { evaluated: 2 + 910 + 402 });
    assert.equal(bench.fired.length, 3);
    for (const [index, host] of ['fires', 'new', 'steady'].entries())
      assert.match(bench.fired[index]!, new RegExp(host));
    for (const host of ['fires', 'new', 'steady']) assert.ok(bench.holds(host), host);
    assert.ok(bench.budget.held <= 300);
    // What fires was not dropped: it resolves as what it was, and does not fire again.
    bench.send({ host: 'fires', value: 12 });
    assert.equal(bench.fired.length, 3);
  });

  test(`${how}: a series that made room and comes in the same batch is itself, whoever has its place now`, () => {
    const bench = new Bench(new SeriesBudget(10_000, 300), isChunked);
    bench.send({ host: 'early' }, ...flood(299));
    assert.equal(bench.budget.held, 300);
    bench.send(...flood(3, 300), { host: 'early', value: 14 }, ...flood(2, 303));
    assert.ok(bench.budget.evicted > 0);
    assert.equal(bench.fired.length, 1);
    assert.match(bench.fired[0]!, /"early"/);
    assert.deepEqual(bench.outcomes, { evaluated: 306 });
  });

  test(`${how}: series of metrics without a rule take no room from others`, () => {
    const bench = new Bench(new SeriesBudget(100, 1_000), isChunked);
    bench.send(...flood(300, 0, { name: 'unruled' }));
    assert.equal(bench.outcomes.too_many_series, 200, 'they make no room for each other');
    assert.equal(bench.budget.watchedRefused, 0);
    bench.send(...Array.from({ length: 60 }, (_, index) => ({ host: `web-${index}`, value: index === 7 ? 11 : 1 })));
    assert.equal(bench.fired.length, 1);
    for (let index = 0; index < 60; index++) assert.ok(bench.holds(`web-${index}`), `web-${index}`);
    assert.equal(bench.outcomes.too_many_series, 200);
  });
}

test('partitions make room for each other, and what fires stays', () => {
  const budget = new SeriesBudget(100, 100);
  const [one, other] = [new Bench(budget, true), new Bench(budget, true)];
  one.send(...flood(50, 0, { value: 11 }), ...flood(50, 50));
  other.send({ host: 'new', value: 11 }, ...flood(40));
  assert.equal(other.fired.length, 1);
  assert.equal(other.outcomes.too_many_series, undefined);
  for (let index = 0; index < 50; index++) assert.ok(one.holds(`flood-${index}`), 'an alarm that fires stays');
  assert.ok(budget.held <= 100);
  // When all that is held fires, a new one is refused, and that is counted as what it is.
  other.send(...flood(9, 100, { value: 11 }), ...flood(40, 0, { value: 11 }), { host: 'one more', value: 11 });
  assert.equal(other.outcomes.too_many_series, 1);
  assert.equal(budget.watchedRefused, 1);
});
