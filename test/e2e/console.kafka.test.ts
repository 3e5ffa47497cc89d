// The console as it is deployed: two of it as processes of their own on a real Kafka, beside ingest and two alarms instances. What it
// tells live, what it holds of the past, what a backtest says and what came to Discord must be one and the same.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { needsParameter, windowTypes } from '../../src/measure/measures.ts';
import { waitForValue, waitUntil } from '../support/wait-until.ts';
import { startPageBrowser, type PageBrowser } from '../../src/console/testing/browser-page.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { Random } from '../support/sim-log/random.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { newMetric, postJson, publish, type Sample, type SystemUnderTest } from './scenario.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

let kafka: Kafka;
let fake: FakeDiscord;
let browser: PageBrowser;
let first: SsrmsProcess;
let second: SsrmsProcess;
let ingest: SsrmsProcess;
const alarms: SsrmsProcess[] = [];

before(async () => {
  [kafka, fake] = await Promise.all([startKafka(), startFakeDiscord()]);
  const env = { BROKER: kafka.bootstrap, DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn' };
  const start = (service: string): Promise<SsrmsProcess> => startSsrms([service], { env });
  first = await start('console');
  second = await start('console');
  ingest = await start('ingest');
  for (let index = 0; index < 2; index++) alarms.push(await start('alarms'));
  browser = await startPageBrowser();
});

after(async () => {
  await browser?.close();
  await Promise.all([first, second, ingest, ...alarms].map((service) => service?.stop()));
  await fake?.close();
  await kafka?.stop();
});

const system = (): SystemUnderTest => ({ rulesUrl: second.url, ingestUrl: ingest.url, fake });

async function read<Answer>(path: string): Promise<Answer> {
  const answer = await fetch(`${second.url}${path}`);
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return (await answer.json()) as Answer;
}

interface RuleFields {
  readonly metric_name: string;
  readonly threshold: number;
  readonly [field: string]: unknown;
}

interface MadeRule {
  readonly id: string;
  readonly webhookId: string;
  readonly metric: string;
}

async function makeRule(fields: RuleFields): Promise<MadeRule> {
  const { webhook, url } = fake.addWebhook();
  const { status, body } = await postJson(`${second.url}/rules`, { discord_webhook_url: url, ...fields });
  assert.equal(status, 201, JSON.stringify(body));
  return { id: (body as { id: string }).id, webhookId: webhook.id, metric: fields.metric_name };
}

/** Until each instance that judges has it, as the page says. */
async function untilInForce(rules: readonly MadeRule[]): Promise<void> {
  for (const { id } of rules) {
    await waitUntil(`rule ${id} is in force on both`, async () => {
      // The other console may not have heard of it yet.
      const answer = await fetch(`${second.url}/api/v1/rules/${id}/in-force`);
      const said = (await answer.json()) as { in_force?: number; of?: number };
      return said.of === alarms.length && said.in_force === said.of;
    });
  }
}

function randomRule(random: Random, metric: string): RuleFields {
  const threshold = random.below(100);
  const type = random.pick(windowTypes);
  const isMean = random.chance(0.4);
  return {
    metric_name: metric,
    threshold,
    operator: random.pick(['>', '<'] as const),
    ...(random.chance(0.5) && { tags: { host: random.pick(['a', 'b']) } }),
    ...(isMean && { type, window_duration_seconds: 1 + random.below(90) }),
    ...(isMean && needsParameter(type, 'percentile') && { percentile: random.below(101) }),
    ...(random.chance(0.5) && { cooldown_seconds: 30 + random.below(120) }),
    ...(random.chance(0.3) && { for_seconds: random.below(40) }),
  };
}

interface Transition {
  readonly kind: string;
  readonly place: string;
  readonly rule_id: string;
  readonly to: string;
  readonly alarm_id?: string;
}

/** Follows a console's stream into `told` until it ends. Resolves to the last event's id, to go on from at another console. */
async function follow(url: string, told: Transition[], lastEventId?: string): Promise<string | undefined> {
  const headers = {
    'content-type': 'application/json',
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
  };
  const answer = await fetch(`${url}/api/v1/stream`, { method: 'POST', headers, body: '{"feed":["transition"]}' });
  assert.equal(answer.status, 200);
  let [text, heard] = ['', lastEventId];
  try {
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + piece).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        if (field('event') === undefined) continue;
        heard = field('id');
        told.push(...((JSON.parse(field('data')!) as { feed?: Transition[] }).feed ?? []));
      }
    }
  } catch (error) {
    // A process that is killed cuts its streams.
    assert.ok(error instanceof TypeError, String(error));
  }
  return heard;
}

interface Said {
  readonly complete: boolean;
  readonly fired: number;
  readonly notifications: number;
  readonly firings: readonly { readonly alarm_id: string; readonly offset: number }[];
}

test('kafka: one console is killed under load, and stream, history, backtest and Discord tell of the same alarms', async (context) => {
  context.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const metrics = [newMetric(), newMetric(), newMetric()];
  const made: MadeRule[] = [];
  for (let index = 0; index < 12; index++) made.push(await makeRule(randomRule(random, random.pick(metrics))));
  const lasts: MadeRule[] = [];
  for (const metric of metrics) lasts.push(await makeRule({ metric_name: metric, threshold: 1e9 }));
  await untilInForce([...made, ...lasts]);

  const told: Transition[] = [];
  const following = follow(first.url, told);
  // Ten minutes of event time in a few seconds.
  const rounds = 60;
  const beginMs = Date.now() - (rounds + 1) * 10_000;
  const roundOf = (round: number): Sample[] =>
    metrics.flatMap((name) =>
      ['a', 'b'].map((host) => ({
        name,
        value: random.below(1_000) / 10,
        tags: { host },
        timestamp: beginMs + round * 10_000 + random.below(10_000),
      })),
    );
  for (let round = 0; round < rounds; round++) {
    await publish(system(), roundOf(round));
    if (round !== rounds / 2) continue;
    await waitUntil('the first console tells of something', () => told.length > 0);
    await first.kill();
  }
  const place = await following;
  assert.ok(place !== undefined);
  const toldByFirst = told.length;
  void follow(second.url, told, place);
  await publish(
    system(),
    metrics.map((name) => ({ name, value: 1e10, timestamp: Date.now() })),
  );
  await waitUntil('the stream tells of the last samples', () =>
    lasts.every(({ id }) => told.some(({ rule_id: ruleId, to }) => ruleId === id && to === 'firing')),
  );
  assert.equal(new Set(told.map(({ place: at }) => at)).size, told.length, 'no transition is told twice');

  let fired = 0;
  for (const { id, webhookId } of made) {
    const rule = await read<object>(`/rules/${id}`);
    const { status, body } = await postJson(`${second.url}/api/v1/rules/backtest`, { rule, from_ms: 0, limit: 10_000 });
    assert.equal(status, 200);
    const said = body as Said;
    assert.equal(said.complete, true);
    const bySaid = said.firings.map(({ alarm_id: alarmId }) => alarmId).toSorted();
    assert.equal(bySaid.length, said.fired);
    const history = await read<{ alarms: { alarm_id: string }[]; total: number }>(
      `/api/v1/alarms/history?rule_id=${id}&limit=500`,
    );
    const byHistory = history.alarms.map(({ alarm_id: alarmId }) => alarmId).toSorted();
    assert.deepEqual(byHistory, bySaid, `the history of rule ${id}`);
    const byStream = told
      .filter(({ rule_id: ruleId, to }) => ruleId === id && to === 'firing')
      .map(({ alarm_id: alarmId }) => alarmId!);
    assert.deepEqual(byStream.toSorted(), bySaid, `the stream of rule ${id}`);
    // On a fast machine more than ten are due at once, and a message lists them by the line.
    const posted = (): number =>
      fake.ledger
        .accepted()
        .filter((entry) => entry.webhookId === webhookId)
        .reduce((sum, entry) => sum + entry.alarms.length, 0);
    await waitForValue(`${said.notifications} alarms of rule ${id} are posted`, posted, (n) => n >= said.notifications);
    assert.equal(posted(), said.notifications);
    fired += said.fired;
  }
  context.diagnostic(`${fired} alarms, ${toldByFirst} of ${told.length} transitions before the kill`);
  assert.ok(fired > 20, `only ${fired} alarms`);
});

test('kafka: the page of a console that is alone with the log: an alarm from Now to its re-check, and a backtest of its rule', async () => {
  const metric = newMetric();
  const rule = await makeRule({ metric_name: metric, threshold: 50 });
  await untilInForce([rule]);
  const nowMs = Date.now();
  const values = [10, 60, 20, 70, 30, 80, 81];
  await publish(
    system(),
    values.map((value, index) => ({ name: metric, value, timestamp: nowMs - (values.length - index) * 20_000 })),
  );
  const opened = await browser.open(`${second.url}/console/`);
  const { page } = opened;
  await page.getByRole('link', { name: metric }).first().click();
  await page.getByText(/✓ delivered/).waitFor();
  await page.getByRole('button', { name: 'Re-check this alarm' }).click();
  await page.getByText(/✓ Run again over the log/).waitFor();
  await page.goto(`${second.url}/console/#/rules/${rule.id}/edit`);
  await page.getByText(/^Would have fired 3 times in the last/).waitFor();
  await page.getByRole('link', { name: 'System' }).click();
  await page.getByRole('heading', { name: 'System' }).waitFor();
  await page.getByText(/2 evaluating. All partitions assigned/).waitFor();
  await opened.close();
});
