// `npm run demo`: the whole system with a stand-in for Discord on a local page, all kinds of source (this machine among them), and rules that
// fire within seconds. No account, no network; what it stores is gone when it ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeDiscord } from './fake-discord/fake-discord.ts';
import { startSsrms, type SsrmsProcess } from './ssrms-process.ts';

const port = process.env.PORT ?? '9090';
const discordPort = Number(process.env.DISCORD_PORT ?? Number(port) + 1);

const sources = [
  ['spikes', 'packages-received', '450', '550', '1', '5', '--tag', 'hall=north'],
  ['stairs', 'cpu-usage', '40', '100', '5', '0.5', '--tag', 'host=web-1'],
  ['host'],
  ['constant', 'failed-requests', '3', '2', '--tag', 'service=checkout'],
];

const rules = [
  { metric_name: 'packages-received', threshold: 500, description: 'More packages at once than the hall can take' },
  {
    metric_name: 'cpu-usage',
    threshold: 90,
    resolve_threshold: 60,
    notify_on_resolve: true,
    tags: { host: 'web-1' },
    description: 'web-1 is out of breath',
  },
  {
    metric_name: 'cpu-usage',
    threshold: 60,
    type: 'window_average',
    window_duration_seconds: 5,
    cooldown_seconds: 30,
    description: 'Busy for a while',
  },
  { metric_name: 'cpu-percent', threshold: 90, for_seconds: 3, description: 'This machine itself is busy' },
  { metric_name: 'failed-requests', threshold: 2, trigger: 'every_sample', cooldown_seconds: 20 },
  { metric_name: 'backup-done', threshold: 1, operator: '<', no_data_seconds: 60, description: 'No backup tonight' },
];

const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-demo-'));
const running: SsrmsProcess[] = [];
const discord = await startFakeDiscord({ port: discordPort });

let isEnding = false;
async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  await Promise.all(running.reverse().map((process) => process.stop()));
  await discord.close();
  rmSync(dataDir, { recursive: true, force: true });
  process.exitCode = code;
}
process.on('SIGINT', () => void end(0));
process.on('SIGTERM', () => void end(0));

try {
  const env = { PORT: port, DATA_DIR: dataDir, DISCORD_API_BASE: discord.apiBase, LOG_LEVEL: 'warn' };
  const up = await startSsrms(['up'], { env });
  running.push(up);
  void up.ended.then((code) => end(code ?? 1));
  const { url: webhook } = discord.addWebhook({ name: 'SSRMS' });
  for (const rule of rules) {
    const answer = await fetch(`${up.url}/rules`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...rule, discord_webhook_url: webhook }),
    });
    if (!answer.ok) throw new Error(`the demo's rule was refused: ${await answer.text()}`);
  }
  for (const source of sources) {
    running.push(await startSsrms(['source', ...source, '--ingest', up.url], { until: /\{"value"/ }));
  }
  console.log(`
The demo is running; Ctrl-C ends it and forgets everything.

  Page      ${up.url}/
  Discord   ${discord.origin}/     a stand-in: what your channel would show
  A rule    curl ${up.url}/rules -H 'Content-Type: application/json' \\
              -d '{"metric_name":"cpu-usage","threshold":75,"discord_webhook_url":"${webhook}"}'
  A sample  curl ${up.url}/api/v1/metrics -H 'Content-Type: application/json' -d '{"name":"backup-done","value":0}'
`);
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  await end(1);
}
