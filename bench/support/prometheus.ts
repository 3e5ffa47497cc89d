// Prometheus and Alertmanager at their fastest whole settings: scrape 1 s, evaluation 1 s, group_wait 0 s. A series is scraped, a
// rule compares it, and Alertmanager posts. Left out where Debian's packages are not installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../test/support/kafka/kafka-broker.ts';
import type { Arrivals } from './detection.ts';
import { onSubjectCore } from './host.ts';
import { nowNs, poissonTimes } from './open-loop.ts';
import type { Options } from './options.ts';
import { start, type BenchProcess } from './processes.ts';
import { quantileRows } from './quantiles.ts';
import type { Result } from './result.ts';

const seriesCount = 100;
const readyMs = 5_000;

export async function prometheusDetection(discord: BenchProcess, url: string, options: Options): Promise<Result[]> {
  const missing = ['prometheus', 'prometheus-alertmanager'].filter((name) => spawnSync(name, ['--version']).error);
  if (options.isShort || missing.length > 0) return [];
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-prometheus-'));
  const values = new Float64Array(seriesCount);
  const exporter = createServer((_request, response) => {
    response.end([...values].map((value, series) => `load{series="${series}"} ${value}\n`).join(''));
  });
  await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
  const [prometheusPort, alertmanagerPort] = (await freePorts(2)) as [number, number];
  writeConfiguration(folder, { exporter: (exporter.address() as AddressInfo).port, alertmanagerPort, url });
  const processes = [
    start(
      onSubjectCore([
        'prometheus-alertmanager',
        `--config.file=${join(folder, 'alertmanager.yml')}`,
        `--storage.path=${join(folder, 'alertmanager')}`,
        `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
        `--cluster.listen-address=`,
      ]),
    ),
    start(
      onSubjectCore([
        'prometheus',
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'prometheus')}`,
        `--web.listen-address=127.0.0.1:${prometheusPort}`,
      ]),
    ),
  ];
  try {
    await sleep(readyMs);
    discord.tell('take');
    await discord.next<Arrivals>();
    const latenciesMs = await jumps(values, discord);
    const what = `Prometheus + Alertmanager at 1 s, 1 s, 0 s, idle (${latenciesMs.length} of ${seriesCount} heard)`;
    return quantileRows('B4', what, latenciesMs);
  } finally {
    for (const running of processes) await running.end();
    exporter.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each series crosses the threshold once, at a random time. */
async function jumps(values: Float64Array, discord: BenchProcess): Promise<number[]> {
  const perSecond = 5;
  const times = poissonTimes({ perSecond, seconds: (2 * seriesCount) / perSecond, seed: 3 }).slice(0, seriesCount);
  const beganNs = nowNs();
  const jumpedNs = new Map<number, number>();
  for (const [series, atNs] of times.entries()) {
    await sleep(Math.max(0, (beganNs + atNs - nowNs()) / 1e6));
    values[series] = 100;
    jumpedNs.set(series, nowNs());
  }
  await sleep(readyMs);
  discord.tell('take');
  const { arrivals } = await discord.next<Arrivals>();
  const heardNs = new Map<number, number>();
  // An alert is told again with those that join its group: the first time counts.
  for (const [series, atNs] of arrivals) if (!heardNs.has(series)) heardNs.set(series, atNs);
  return [...heardNs].map(([series, atNs]) => (atNs - jumpedNs.get(series)!) / 1e6);
}

function writeConfiguration(folder: string, ports: { exporter: number; alertmanagerPort: number; url: string }): void {
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs: [{ job_name: load, static_configs: [{ targets: ['127.0.0.1:${ports.exporter}'] }] }]
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${ports.alertmanagerPort}'] }] }] }
`,
  );
  writeFileSync(
    join(folder, 'rules.yml'),
    `groups: [{ name: load, interval: 1s, rules: [{ alert: High, expr: load > 90 }] }]\n`,
  );
  writeFileSync(
    join(folder, 'alertmanager.yml'),
    `route: { receiver: discord, group_by: [series], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: discord, webhook_configs: [{ url: '${ports.url}/alertmanager', send_resolved: false }] }]
`,
  );
}
