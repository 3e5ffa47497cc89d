// F13 and F14 of GUARANTEES.md: records that nobody can read, in `metrics` and in `rules`.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewRecord } from '../../src/log/record.ts';
import { healthOf } from '../../src/http/testing/health-of.ts';
import { runJavaFile } from '../support/kafka/kafka-broker.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { poisonRecords } from '../support/oracle/sample-forms.ts';
import type { Random } from '../support/sim-log/random.ts';
import { isLong, recoveryMsMax, withFleet, type Fleet } from './fleet.ts';
import type { LoadSeries } from './load.ts';

const partitionsCount = 20;
const yearMs = 365 * 24 * 3_600_000;
const text = (value: string): Uint8Array => Buffer.from(value);

/** Samples with times that no clock shows. They are read, and the oracle knows what comes of them. */
const oddTimes = [0, 1, 1_000, Date.now() + yearMs];

/** Of ten samples one has a record before it that says none, or one that is odd. */
function poison({ metric, tags }: LoadSeries, random: Random): NewRecord | undefined {
  if (!random.chance(0.1)) return undefined;
  const timestampMs = Date.now();
  const choice = random.below(100);
  if (choice === 0)
    return { key: text(metric), value: text(`{"value": 1, "pad": "${'x'.repeat(900_000)}"}`), timestampMs };
  if (choice < 4 && metric.endsWith('-0')) {
    return { key: text(metric), value: text(JSON.stringify({ value: 12, tags })), timestampMs: random.pick(oddTimes) };
  }
  const { key, value } = random.pick(poisonRecords(metric));
  // A writer that is not ours may leave the key out, and puts such a record anywhere.
  const partition =
    key !== null && Buffer.from(key).equals(text(metric)) ? {} : { partition: random.below(partitionsCount) };
  return { key: key as Uint8Array, value, timestampMs, ...partition };
}

test('F13: samples that nobody can read are skipped and counted, and change nothing for the others', async (t) => {
  assert.ok(poisonRecords('a').length >= 40);
  const kafka = { properties: { 'log.message.timestamp.after.max.ms': String(2 * yearMs) } };
  await withFleet(t, { extra: poison, kafka }, async (fleet) => {
    fleet.go();
    const foreign = (args: readonly string[]) => runJavaFile('Foreign.java', [fleet.kafka.bootstrap, ...args]);
    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) await foreign(['compressed', 'metrics', codec, '300']);
    await foreign(['transactions', 'metrics']);
    await sleep(isLong ? 300_000 : 8_000);
    await fleet.drain();
    const counted = await fleet.counted('ssrms_evaluate_samples_total');
    const evidence = await fleet.gather();
    const unreadable = evidence.verdicts.reduce((sum, verdict) => sum + verdict.unreadable, 0);
    const fine = (counted.get('evaluated') ?? 0) + (counted.get('late') ?? 0);
    const all = [...counted.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(unreadable > 500, `only ${unreadable} records could not be read`);
    assert.equal(all - fine, unreadable, `I10: counted ${JSON.stringify([...counted])}`);
    assert.equal(all, evidence.samples, 'I15: every record is counted');
    await fleet.check(recoveryMsMax);
    assert.doesNotMatch(fleet.output(), /handling a partition failed/);
  });
});

/** What may be written in a rule's place. */
function corruptions(rule: OracleRule): readonly (string | Uint8Array)[] {
  const but = (fields: object): string => JSON.stringify({ ...rule, ...fields });
  const full = JSON.stringify(rule);
  return [
    '',
    '{',
    'null',
    '[]',
    '"rule"',
    full.slice(0, -1),
    `${full}}`,
    `\0${full}`,
    Uint8Array.from([0x7b, 0xc3, 0x28, 0x7d]),
    but({ id: randomUUID() }),
    but({ id: undefined }),
    but({ threshold: 'many' }),
    but({ threshold: null }),
    full.replace(/"threshold":[^,}]+/, '"threshold":1e999'),
    but({ schema_version: 2, expression: 'rate(x) > 5' }),
    but({ metric_name: '' }),
    but({ metric_name: undefined }),
    but({ discord_webhook_url: 'https://discord.com.evil.example/api/webhooks/1/2' }),
    but({ discord_webhook_url: 'http://169.254.169.254/api/webhooks/12345678901234567/abc' }),
    but({ type: 'window_average', window_duration_seconds: -1 }),
    but({ operator: '=>' }),
    but({ tags: { a: 1 } }),
    but({ cooldown_seconds: -5 }),
    but({ description: 'x'.repeat(900_000) }),
    but({ enabled: 'yes' }),
  ];
}

async function corrupt(fleet: Fleet): Promise<string[]> {
  const rules = fleet.random.shuffled(fleet.plan.rules);
  const records = corruptions(rules[0]!).map((_, index) => {
    const rule = rules[index]!;
    return { key: text(rule.id), value: Buffer.from(corruptions(rule)[index]!), timestampMs: Date.now() };
  });
  const strangers = [
    { key: text(randomUUID()), value: null, timestampMs: Date.now() },
    { key: text('not-an-id'), value: text(JSON.stringify(rules[0])), timestampMs: Date.now() },
    { key: Uint8Array.from([0xff, 0xfe]), value: text('{}'), timestampMs: Date.now() },
    { key: text(rules[0]!.id.toUpperCase()), value: text(JSON.stringify(rules[0])), timestampMs: Date.now() },
    { key: text(''), value: null, timestampMs: Date.now() },
  ];
  for (const record of [...records, ...strangers]) {
    await fleet.log.append('rules', [record]);
    await sleep(100);
  }
  return records.map(({ key }) => Buffer.from(key).toString());
}

test('F14: corrupt records of rules leave the last good versions in force, also after a restart', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    fleet.go();
    await sleep(1_000);
    const ids = await corrupt(fleet);
    await fleet.kill(0);
    await fleet.start(0);
    await sleep(isLong ? 60_000 : 5_000);
    for (const index of fleet.running()) {
      const health = await healthOf(fleet.instance(index).url);
      assert.equal(health.status, 'warn');
      const detail = health.checks.rules?.message ?? '';
      assert.ok(
        ids.some((id) => detail.includes(id)),
        detail,
      );
    }
    await fleet.check(recoveryMsMax);
    assert.doesNotMatch(fleet.output(), /handling a partition failed/);
  });
});
