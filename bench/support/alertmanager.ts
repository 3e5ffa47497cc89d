// Alertmanager before the storm's Discord: a receiver for each webhook and groups that fit a message, and each alarm a line of its group's message, so
// that the same ledger counts them. Debian's package; left out where it is not installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../test/support/kafka/kafka-broker.ts';
import { onSubjectCore } from './host.ts';
import { metricName } from './metric-name.ts';
import { start } from './processes.ts';
import { bystanders, storm, webhookOf, type StormDiscord, type StormFigures, type StormShape } from './storm.ts';

const program = 'prometheus-alertmanager';
const startMsMax = 15_000;
const alertsAtOnce = 5_000;
/** Version 0.25 does not cut its text to what Discord takes, and a refused message is lost whole: so its groups are small. */
const alertsOfMessageMax = 30;

export const hasAlertmanager = (): boolean => spawnSync(program, ['--version']).error === undefined;

export async function alertmanagerStorm(shape: StormShape, discord: StormDiscord): Promise<StormFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-alertmanager-'));
  const [port] = (await freePorts(1)) as [number];
  const url = `http://127.0.0.1:${port}`;
  writeFileSync(join(folder, 'alertmanager.yml'), configuration(shape, discord.apiBase));
  const running = start(
    onSubjectCore([
      program,
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ]),
  );
  try {
    await untilReady(url);
    return await storm(shape, discord, async (indices, value) => {
      for (let from = 0; from < indices.length; from += alertsAtOnce)
        await post(url, indices.slice(from, from + alertsAtOnce), shape, value);
    });
  } finally {
    await running.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilReady(url: string): Promise<void> {
  for (const deadline = performance.now() + startMsMax; ; await sleep(100)) {
    if ((await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true) return;
    if (performance.now() > deadline) throw new Error('Alertmanager was not ready in time');
  }
}

/** A value of 0 ends the alert. */
async function post(url: string, indices: readonly number[], shape: StormShape, value: number): Promise<void> {
  const nowMs = Date.now();
  const alerts = indices.map((index) => ({
    labels: {
      alertname: metricName(index),
      rule: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      webhook: numberOf(index, shape),
      part: String(Math.floor(index / shape.webhooks / alertsOfMessageMax)),
    },
    annotations: { value: String(value) },
    ...(value === 0 && { endsAt: new Date(nowMs - 1).toISOString() }),
  }));
  const answer = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts),
  });
  await answer.text();
}

const numberOf = (index: number, shape: StormShape): string => /webhooks\/(\d+)/.exec(webhookOf(index, shape))![1]!;

/** The fastest settings that still group: a group's first message after a second, its next ones every five. */
function configuration(shape: StormShape, apiBase: string): string {
  const storms = shape.webhooks * shape.alarmsOfEach;
  const first = [...Array(shape.webhooks).keys(), ...Array.from({ length: bystanders }, (_, index) => storms + index)];
  const names = first.map((index) => [numberOf(index, shape), new URL(webhookOf(index, shape)).pathname] as const);
  const line =
    'Alarm triggered: {{ .Labels.alertname }}, value {{ .Annotations.value }}, threshold 90, rule {{ .Labels.rule }}';
  const routes = names.map(([name]) => `    - { receiver: '${name}', matchers: ['webhook="${name}"'] }`);
  const receivers = names.map(
    ([name, path]) =>
      `  - { name: '${name}', discord_configs: [{ webhook_url: '${apiBase}${path.replace('/api', '')}', send_resolved: false, ` +
      `title: 'Alarms', message: "{{ range .Alerts.Firing }}${line}\\n{{ end }}" }] }`,
  );
  return [
    'route:',
    `  receiver: '${names[0]![0]}'`,
    '  group_by: [webhook, part]',
    '  group_wait: 1s',
    '  group_interval: 5s',
    '  repeat_interval: 1h',
    '  routes:',
    ...routes,
    'receivers:',
    ...receivers,
    '',
  ].join('\n');
}
