// What every deployment must do, black-box: rules and samples in over HTTP, messages out at the fake Discord. The tests
// of each log run all of it (embedded.test.ts, on-kafka.kafka.test.ts).
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../support/wait-until.ts';
import type { FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startSsrms } from '../support/ssrms-process.ts';

/** A running system, however it is deployed. */
export interface SystemUnderTest {
  readonly rulesUrl: string;
  readonly ingestUrl: string;
  readonly fake: FakeDiscord;
  /** Where messages link to; undefined where they have no link. */
  readonly pageUrl?: string;
}

export interface Sample {
  readonly name: string;
  readonly value: number;
  readonly timestamp?: number;
  readonly tags?: Record<string, string>;
}

export interface Embed {
  readonly title: string;
  readonly description: string;
  readonly color: number;
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  readonly footer?: { readonly text: string };
}

const answerMsMax = 15_000;
/** Scenarios share nothing but the system, and mostly wait. */
const scenariosAtOnce = 5;
/** Long enough that a message too many would have come. */
const quietMs = 1_200;

export async function postJson(
  url: string,
  body: unknown,
  method = 'POST',
): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

export async function makeRule(
  system: SystemUnderTest,
  fields: Record<string, unknown>,
): Promise<{ id: string; webhookId: string }> {
  const { webhook, url } = system.fake.addWebhook();
  const { status, body } = await postJson(`${system.rulesUrl}/rules`, { discord_webhook_url: url, ...fields });
  assert.equal(status, 201, JSON.stringify(body));
  // An instance has a second to take a new rule in.
  await sleep(1_000);
  return { id: (body as { id: string }).id, webhookId: webhook.id };
}

export async function publish(system: SystemUnderTest, samples: readonly Sample[]): Promise<void> {
  const { status, body } = await postJson(`${system.ingestUrl}/api/v1/metrics`, samples);
  assert.equal(status, 200, JSON.stringify(body));
}

/** The embeds that a webhook got, in order. */
export function embedsAt(system: SystemUnderTest, webhookId: string): Embed[] {
  return system.fake.webhooks
    .changedSince(0, 10_000)
    .filter((message) => message.webhookId === webhookId)
    .flatMap((message) => (message.payload.embeds ?? []) as Embed[]);
}

/** Waits until a webhook has this many embeds, and that no more come; gives them. */
export async function expectEmbeds(
  system: SystemUnderTest,
  webhookId: string,
  count: number,
  msMax = answerMsMax,
): Promise<Embed[]> {
  const isThere = (): boolean => embedsAt(system, webhookId).length >= count;
  await waitUntil(`${count} embeds at ${webhookId}`, isThere, { msMax });
  await sleep(quietMs);
  const embeds = embedsAt(system, webhookId);
  assert.equal(embeds.length, count, JSON.stringify(embeds.map(({ description }) => description)));
  return embeds;
}

/** The embed of the contract, to the letter. */
export function specEmbed(alarm: {
  ruleId: string;
  metric: string;
  value: number;
  threshold: number;
  sentence: string;
}): Embed {
  return {
    title: 'Alarm triggered',
    description: alarm.sentence,
    color: 16711680,
    fields: [
      { name: 'Rule id', value: alarm.ruleId },
      { name: 'Metric name', value: alarm.metric },
      { name: 'Metric value', value: String(alarm.value) },
      { name: 'Rule threshold', value: String(alarm.threshold) },
    ],
  };
}

export function newMetric(): string {
  return `packages-${randomUUID().slice(0, 8)}`;
}

/** Runs a source until it has published `records`, and ends it with Ctrl-C's signal. */
export async function runSourceFor(
  args: readonly string[],
  records: number,
  env: Record<string, string> = {},
): Promise<string[]> {
  const until = new RegExp(`(?:^.*: \\{"value".*\\n){${records}}`, 'm');
  const source = await startSsrms(['source', ...args], { until, env });
  assert.equal(await source.stop(), 0, source.output());
  return source
    .output()
    .split('\n')
    .filter((line) => line !== '');
}

/** What a user sees, as tests of one running system. */
export function scenarioTests(name: string, system: () => SystemUnderTest): void {
  describe(name, { concurrency: scenariosAtOnce }, () => defineScenarios(name, system));
}

/** The embed without its last field, the link to the alarm, which must be there exactly where messages have one. */
function withoutLink({ pageUrl }: SystemUnderTest, embed: Embed): Embed {
  if (pageUrl === undefined) return embed;
  const link = embed.fields.at(-1);
  assert.match(`${link?.name} ${link?.value}`, new RegExp(`^Alarm ${pageUrl}/#/alarms/[0-9a-f-]{36}$`));
  return { ...embed, fields: embed.fields.slice(0, -1) };
}

function defineScenarios(name: string, system: () => SystemUnderTest): void {
  test(`${name}: spikes give one message a spike, with exactly the documented embed`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
    const lines = await runSourceFor(['spikes', metric, '450', '550', '0.2', '3', '--ingest', system().ingestUrl], 8);
    assert.deepEqual(
      lines.slice(0, 4),
      [550, 450, 450, 550].map((value) => `${metric}: {"value": ${value}}`),
    );
    const spikes = lines.filter((line) => line.endsWith('{"value": 550}')).length;
    const embeds = await expectEmbeds(system(), rule.webhookId, spikes);
    const expected = specEmbed({
      ruleId: rule.id,
      metric,
      value: 550,
      threshold: 500,
      sentence: `${metric} is 550 which exceeds the rule threshold (500)`,
    });
    for (const embed of embeds) assert.deepEqual(withoutLink(system(), embed), expected);
  });

  test(`${name}: a rule with < fires below its threshold`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 10, operator: '<' });
    await publish(
      system(),
      [11, 10, 9.5, 12].map((value) => ({ name: metric, value })),
    );
    const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
    assert.deepEqual(
      withoutLink(system(), embed!),
      specEmbed({
        ruleId: rule.id,
        metric,
        value: 9.5,
        threshold: 10,
        sentence: `${metric} is 9.5 which is below the rule threshold (10)`,
      }),
    );
  });

  test(`${name}: a breach that goes on is notified once, and each sample with every_sample`, async () => {
    const metric = newMetric();
    const once = await makeRule(system(), { metric_name: metric, threshold: 500 });
    const each = await makeRule(system(), { metric_name: metric, threshold: 500, trigger: 'every_sample' });
    await publish(
      system(),
      [501, 502, 503].map((value) => ({ name: metric, value })),
    );
    const [first] = await expectEmbeds(system(), once.webhookId, 1);
    assert.equal(first?.fields[2]?.value, '501');
    const all = await expectEmbeds(system(), each.webhookId, 3);
    assert.deepEqual(
      all.map((embed) => embed.fields[2]?.value),
      ['501', '502', '503'],
    );
  });

  test(`${name}: a rule with tags hears of the series that have them, and no other`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 90, tags: { host: 'web-1' } });
    await publish(system(), [
      { name: metric, value: 99 },
      { name: metric, value: 99, tags: { host: 'web-2' } },
      { name: metric, value: 95, tags: { host: 'web-1', zone: 'b' } },
    ]);
    const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
    assert.equal(embed?.fields[2]?.value, '95');
    const tags = embed?.fields.find((field) => field.name === 'Tags')?.value ?? '';
    assert.match(tags, /host.*web-1/);
    assert.match(tags, /zone.*b/);
  });

  test(`${name}: a cooldown withholds, and a breach that lasts is told after it`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 500, cooldown_seconds: 60 });
    const start = Date.now() - 120_000;
    const at = (seconds: number, value: number): Sample => ({
      name: metric,
      value,
      timestamp: start + seconds * 1_000,
    });
    // Fires; ends; fires again within the cooldown, deferred; still firing when the cooldown is over.
    await publish(system(), [at(0, 510), at(10, 490), at(20, 520), at(50, 530), at(70, 540)]);
    const embeds = await expectEmbeds(system(), rule.webhookId, 2);
    assert.deepEqual(
      embeds.map((embed) => embed.fields[2]?.value),
      ['510', '540'],
    );
    assert.match(embeds[1]?.footer?.text ?? '', /cooldown/);
  });

  test(`${name}: a window compares the mean, and says over how long`, async () => {
    const metric = newMetric();
    const fields = { metric_name: metric, threshold: 500, type: 'window_average', window_duration_seconds: 60 };
    const rule = await makeRule(system(), fields);
    const start = Date.now() - 120_000;
    const at = (seconds: number, value: number): Sample => ({
      name: metric,
      value,
      timestamp: start + seconds * 1_000,
    });
    await publish(system(), [at(0, 480), at(20, 510), at(40, 534), at(65, 480)]);
    const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
    assert.equal(
      embed?.description,
      `${metric} has averaged 508 over the last 60 s, which exceeds the rule threshold (500)`,
    );
    assert.equal(embed?.fields[2]?.value, '508');
  });

  test(`${name}: an alarm that ends is told when the rule asks for it`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), {
      metric_name: metric,
      threshold: 500,
      resolve_threshold: 450,
      notify_on_resolve: true,
    });
    await publish(
      system(),
      [510, 480, 450].map((value) => ({ name: metric, value })),
    );
    const embeds = await expectEmbeds(system(), rule.webhookId, 2);
    assert.deepEqual(
      embeds.map((embed) => embed.title),
      ['Alarm triggered', 'Alarm resolved'],
    );
  });

  test(`${name}: a share of errors by service names the group and its series`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), {
      metric_name: metric,
      tags: { status: 'failed' },
      group_by: ['service'],
      aggregate: 'sum',
      divide_by: { tags: {}, min_value: 100 },
      threshold: 0.05,
    });
    const sample = (service: string, status: string, value: number): Sample => ({
      name: metric,
      value,
      tags: { service, status },
    });
    await publish(system(), [sample('a', 'ok', 90), sample('a', 'failed', 20), sample('b', 'failed', 9)]);
    const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
    const field = (wanted: string): string | undefined => embed?.fields.find((one) => one.name === wanted)?.value;
    assert.match(
      embed?.description ?? '',
      /of service a is 18\.18 % \(of 110\), which exceeds the rule threshold \(5 %\)$/,
    );
    assert.equal(field('Group'), 'service = a');
    assert.equal(field('Series'), 'service = a, status = failed: 20');
  });

  test(`${name}: a series that falls silent is told of`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 500, no_data_seconds: 1 });
    await publish(system(), [{ name: metric, value: 1 }]);
    const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
    assert.match(embed?.description ?? '', /has sent no data for 1 s/);
  });

  const hosts = (embeds: readonly Embed[]): string[] =>
    [...new Set(embeds.map(({ fields }) => fields.find(({ name: field }) => field === 'Tags')?.value ?? ''))].sort();
  const namesOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `host = h${index}`).sort();

  test(`${name}: a cooldown names every host in breach, though one of them flaps`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), {
      metric_name: metric,
      threshold: 90,
      cooldown_seconds: 2,
      trigger: 'every_sample',
    });
    const sample = (host: number, value: number): Sample => ({ name: metric, value, tags: { host: `h${host}` } });
    await publish(
      system(),
      Array.from({ length: 20 }, (_, host) => sample(host, 99)),
    );
    const flap = setInterval(() => void publish(system(), [sample(0, 1), sample(0, 98)]), 300);
    const named = (): string[] => hosts(embedsAt(system(), rule.webhookId));
    await waitUntil('all twenty hosts are named', () => named().length === 20, { msMax: answerMsMax }).finally(() =>
      clearInterval(flap),
    );
    assert.deepEqual(named(), namesOf(20));
  });

  test(`${name}: of five hosts that fall silent together a cooldown names all`, async () => {
    const metric = newMetric();
    const fields = { metric_name: metric, threshold: 500, no_data_seconds: 1, cooldown_seconds: 2 };
    const rule = await makeRule(system(), fields);
    await publish(
      system(),
      Array.from({ length: 5 }, (_, host) => ({ name: metric, value: 1, tags: { host: `h${host}` } })),
    );
    assert.deepEqual(hosts(await expectEmbeds(system(), rule.webhookId, 5)), namesOf(5));
  });

  test(`${name}: an alarm whose series falls silent says so once, with the last value`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 500, no_data_seconds: 1 });
    await publish(system(), [{ name: metric, value: 510 }]);
    const [, silent] = await expectEmbeds(system(), rule.webhookId, 2);
    assert.equal(silent?.description, `${metric} has sent no data for 1 s; last value 510`);
  });

  test(`${name}: an alarm that ends with its rule ended at the time of the edit`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
    await publish(system(), [{ name: metric, value: 510 }]);
    await expectEmbeds(system(), rule.webhookId, 1);
    const deletedMs = Date.now();
    assert.equal((await fetch(`${system().rulesUrl}/rules/${rule.id}`, { method: 'DELETE' })).status, 200);
    const ended = await waitUntil('the alarm is over', async () => {
      const answer = await fetch(`${system().rulesUrl}/api/v1/alarms/history?rule_id=${rule.id}`);
      const { alarms } = (await answer.json()) as { alarms?: { ended_ms: number | null }[] };
      return alarms?.[0]?.ended_ms ?? undefined;
    });
    assert.ok(Math.abs(ended - deletedMs) < 1_000, `it ended ${ended - deletedMs} ms after the edit`);
  });

  test(`${name}: a changed rule is in force within a second, a deleted one no longer`, async () => {
    const metric = newMetric();
    const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
    const url = `${system().rulesUrl}/rules/${rule.id}`;
    const current = (await (await fetch(url)).json()) as Record<string, unknown>;
    assert.equal((await postJson(url, { ...current, threshold: 600 }, 'PUT')).status, 200);
    await sleep(1_000);
    await publish(system(), [
      { name: metric, value: 550 },
      { name: metric, value: 650 },
      { name: metric, value: 1 },
    ]);
    await expectEmbeds(system(), rule.webhookId, 1);
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 200);
    await sleep(1_000);
    await publish(system(), [{ name: metric, value: 700 }]);
    await expectEmbeds(system(), rule.webhookId, 1);
  });
}
