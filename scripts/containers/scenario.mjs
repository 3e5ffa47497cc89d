// What compose.yaml must do once it is up, seen from outside: rules and samples go in over the published ports, alarms
// arrive at the stand-in for Discord, each exactly once, also when one of the three alarms instances dies.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../test/support/wait-until.ts';

const rulesUrl = 'http://localhost:5001';
const ingestUrl = 'http://localhost:5002';
const consoleUrl = 'http://localhost:5004';
const discordUrl = 'http://localhost:8089';

const metricsCount = 8;
/** An instance has a second to take a new rule in. */
const ruleMs = 1_000;
/** The group notices a loss by its session timeout; then the others take over. */
const takeOverMsMax = 40_000;
const answerMsMax = 60_000;
/** Long enough that a message too many would have come. */
const quietMs = 2_000;

/** `alarms` has `kill`, which ends one instance as a crash does, `count` and `run`, which runs a command of ours in one. */
export async function runScenario({ alarms, step }) {
  const expected = [];
  const spike = async (rules, value) => {
    for (const sample of [value, 1]) {
      const samples = rules.map(({ metric }) => ({ name: metric, value: sample }));
      await request(`${ingestUrl}/api/v1/metrics`, { method: 'POST', body: samples });
    }
    expect(rules, value);
  };
  const expect = (rules, value) =>
    expected.push(...rules.map(({ id, webhookId }) => ({ webhookId, ruleId: id, value: String(value) })));
  const allArrived = (msMax) =>
    waitUntil(
      `all of ${expected.length} alarms arrive`,
      async () => {
        const { lost } = await request(`${discordUrl}/_facts`, { method: 'POST', body: { expected } });
        assert.deepEqual(lost, [], 'not there');
        return true;
      },
      { msMax },
    );
  const threeOwners = () =>
    waitUntil('three instances own partitions', async () => (await owners()).size === 3, { msMax: answerMsMax });

  await step('the page is served, and three alarms instances share the metrics', async () => {
    assert.match(await (await fetch(consoleUrl)).text(), /<title>/);
    await threeOwners();
  });
  const rules = await step(`${metricsCount} rules are made`, async () => {
    const { webhooks } = await request(`${discordUrl}/_control`, {
      method: 'POST',
      body: { webhooks: Array.from({ length: metricsCount }, () => ({})) },
    });
    return Promise.all(webhooks.map((url, index) => makeRule(url, `packages-${index}`)));
  });
  await sleep(ruleMs);
  await step('alarms arrive for samples that are posted', async () => {
    await spike(rules, 551);
    await allArrived(answerMsMax);
  });
  await step('an alarm arrives for a sample that is written to the topic', async () => {
    await alarms.publish(rules[0].metric, 552);
    expect([rules[0]], 552);
    await allArrived(answerMsMax);
  });
  await step('with one of three alarms instances killed, alarms still arrive', async () => {
    await spike(rules.slice(1), 553);
    await allArrived(answerMsMax);
    await alarms.kill();
    for (const value of [554, 555, 556]) {
      await spike(rules.slice(1), value);
      await sleep(500);
    }
    await allArrived(takeOverMsMax);
  });
  await step('the instance that was killed is started again', threeOwners);
  await step('each alarm arrived exactly once', async () => {
    await sleep(quietMs);
    const facts = await request(`${discordUrl}/_facts`, { method: 'POST', body: { expected } });
    assert.deepEqual(
      { lost: facts.lost, doubled: facts.doubled, unexpected: facts.unexpected, outOfOrder: facts.outOfOrder },
      { lost: [], doubled: [], unexpected: [], outOfOrder: [] },
    );
    return `${expected.length} alarms`;
  });
}

async function makeRule(fakeUrl, metric) {
  // What a person copies from Discord; DISCORD_API_BASE leads to the stand-in.
  const [, webhookId, token] = /\/webhooks\/(\d+)\/([^/]+)$/.exec(fakeUrl);
  const body = {
    metric_name: metric,
    threshold: 500,
    discord_webhook_url: `https://discord.com/api/webhooks/${webhookId}/${token}`,
  };
  const { id } = await request(`${rulesUrl}/rules`, { method: 'POST', body });
  return { id, metric, webhookId };
}

/** The living instances that own partitions of metrics. */
async function owners() {
  const { instances, partitions } = await request(`${consoleUrl}/api/v1/system`);
  const living = new Set(instances.filter(({ state }) => state === 'live').map(({ id }) => id));
  return new Set(partitions.map(({ instance }) => instance).filter((id) => living.has(id)));
}

/** The answer's body; rejects unless the answer is a success. */
async function request(url, { method = 'GET', body } = {}) {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
