// What an operator does when an alarm did not arrive: `ssrms deliveries` against the running system, as real processes.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitForValue } from '../support/wait-until.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { postJson } from './scenario.ts';

let fake: FakeDiscord;
let dataDir: string;
let up: SsrmsProcess;

before(async () => {
  fake = await startFakeDiscord();
  dataDir = mkdtempSync(join(tmpdir(), 'ssrms-deliveries-'));
  up = await startSsrms(['up'], { env: { DATA_DIR: dataDir, DISCORD_API_BASE: fake.apiBase } });
});
after(async () => {
  await up.stop();
  await fake.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A rule on a metric of its own, which has just fired. */
async function firedRule(metric: string): Promise<{ ruleId: string; webhookId: string }> {
  const { url, webhook } = fake.addWebhook();
  const rule = { metric_name: metric, threshold: 1, discord_webhook_url: url };
  const { id } = (await postJson(`${up.url}/rules`, rule)).body as { id: string };
  return { ruleId: id, webhookId: webhook.id };
}

async function publish(metric: string, value: number): Promise<void> {
  assert.equal((await postJson(`${up.url}/api/v1/metrics`, { name: metric, value })).status, 200);
}

async function deliveries(...args: string[]): Promise<{ code: number | null; output: string }> {
  return runSsrms(['deliveries', ...args, '--url', up.url]);
}

async function untilListed(text: RegExp, ...args: string[]): Promise<string> {
  const list = async (): Promise<string> => (await deliveries(...args)).output;
  return waitForValue(`a list that matches ${text}`, list, (output) => text.test(output));
}

test('what Discord refused is found, with the reason, and sent again', async () => {
  const { ruleId, webhookId } = await firedRule('refused');
  fake.faults.add([{ kind: 'odd_400', webhookId, times: 2 }]);
  await publish('refused', 7);
  const table = await untilListed(/dead/, '--rule', ruleId);
  assert.match(table, /^TIME +OUTCOME +TRIES +WEBHOOK +METRIC +VALUE +NOTIFICATION +MESSAGE OR REASON/);
  assert.match(table, new RegExp(`dead +2 +${webhookId} +refused +7 +[0-9a-f-]{36} +400`));
  const resent = await deliveries('resend', '--webhook', webhookId, '--outcome', 'dead');
  assert.equal(resent.code, 0, resent.output);
  const [, id, as] = /^resent +(\S+) as (\S+)$/m.exec(resent.output) ?? [];
  assert.equal(as, `${id}~1`);
  await untilListed(/delivered/, '--rule', ruleId);
  const lines = (await deliveries('--json', '--rule', ruleId, '--outcome', 'delivered')).output.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { notification_id: string }).notification_id),
    [as],
  );
  assert.equal(fake.ledger.accepted(webhookId).length, 1);
  const again = await deliveries('resend', id!);
  assert.equal(again.code, 1);
  assert.match(again.output, /^refused +\S+: it was delivered, message \d+/m);
});

test('a metric whose name would turn the line around is shown without its power', async () => {
  const { url } = fake.addWebhook();
  const metric = 'b\u202ec';
  await postJson(`${up.url}/rules`, { metric_name: metric, threshold: 1, discord_webhook_url: url });
  await publish(metric, 5);
  assert.doesNotMatch(await untilListed(/b\?c/), /\u202e/);
});

test('what is wrong is said in one line', async () => {
  const nobody = await runSsrms(['deliveries', '--url', 'http://127.0.0.1:9']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.output, /^ssrms: no answer from http:\/\/127\.0\.0\.1:9/);
  for (const [args, text] of [
    [['--since', 'soon'], /^ssrms: refused \(400\): since is "soon"/m],
    [['--outcome', 'lost'], /Allowed choices are waiting, delivered/],
    [['resend'], /^ssrms: refused \(400\): an order names notification_ids/m],
    [['resend', '--outcome', 'delivered'], /Allowed choices are dead, expired, parked/],
    [['--url', 'here'], /^ssrms: --url is here/m],
  ] as const) {
    const { code, output } = await runSsrms(['deliveries', ...args, ...(args[0] === '--url' ? [] : ['--url', up.url])]);
    assert.equal(code, 1, output);
    assert.match(output, text);
  }
  assert.match((await runSsrms(['deliveries', '--help'])).output, /resend.*Examples .*parked \(its webhook is paused/s);
});
