// vmalert's replay (B12's peer): the same samples in VictoriaMetrics, which has an index of its series and holds them compressed in its
// memory, and the same rule judged over them. Left out where Debian's package victoria-metrics cannot be had.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../test/support/kafka/kafka-broker.ts';
import { assert } from '../../src/base/assert.ts';
import { start } from './processes.ts';

/** Where the tests have Debian's packages unpacked. */
const unpacked = fileURLToPath(new URL('../../.cache/clients/debian/usr/bin', import.meta.url));
const seriesAtOnce = 500;
const readyMsMax = 20_000;

export interface ReplayLoad {
  readonly beginMs: number;
  readonly spanMs: number;
  readonly samplesOfEach: number;
  /** The tags and the values of each series, at even times. */
  readonly series: readonly {
    readonly tags: Readonly<Record<string, string>>;
    readonly valueAt: (sample: number) => number;
  }[];
  /** In MetricsQL; of the metric `load`. */
  readonly expression: string;
  /** Firing samples that must come of it at the least. */
  readonly firingLeast: number;
}

export interface ReplayFigures {
  /** One evaluation a sample's distance, all in one request, without a pause. */
  readonly fastestMs: readonly number[];
  /** An evaluation a second, as our rules see each sample at once; vmalert's own settings else. */
  readonly defaultMs: readonly number[];
}

/** From the start of the process to its end. Undefined where the programs are missing. */
export async function vmalertReplays(load: ReplayLoad, rounds: number): Promise<ReplayFigures | undefined> {
  const [server, vmalert] = [programOf('victoria-metrics'), programOf('vmalert')];
  if (server === undefined || vmalert === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-vmalert-'));
  const [port, ownPort] = (await freePorts(2)) as [number, number];
  const url = `http://127.0.0.1:${port}`;
  const running = start([server, `-storageDataPath=${join(folder, 'data')}`, `-httpListenAddr=127.0.0.1:${port}`]);
  try {
    await untilReady(url);
    await fill(url, load);
    const replay = (interval: string, settings: readonly string[]): number => {
      const rules = join(folder, 'rules.yml');
      const rule = { alert: 'high', expr: load.expression };
      writeFileSync(rules, JSON.stringify({ groups: [{ name: 'load', interval, rules: [rule] }] }));
      const times = [load.beginMs, load.beginMs + load.spanMs].map((timeMs) => new Date(timeMs).toISOString());
      const beganMs = performance.now();
      const { status, stderr } = spawnSync(
        vmalert,
        [
          `-rule=${rules}`,
          `-datasource.url=${url}`,
          `-remoteWrite.url=${url}`,
          `-httpListenAddr=127.0.0.1:${ownPort}`,
          `-replay.timeFrom=${times[0]}`,
          `-replay.timeTo=${times[1]}`,
          `-datasource.queryStep=${interval}`,
          ...settings,
        ],
        { encoding: 'utf8' },
      );
      const tookMs = performance.now() - beganMs;
      const found = Number(/Imported (\d+) samples/.exec(stderr)?.[1]);
      assert(status === 0 && found >= load.firingLeast, `vmalert found ${found}: ${stderr.slice(-1_000)}`);
      return tookMs;
    };
    const distance = `${Math.floor(load.spanMs / load.samplesOfEach)}ms`;
    const fastest = ['-replay.rulesDelay=0s', '-replay.maxDatapointsPerQuery=100000'];
    const each = Array.from({ length: rounds });
    return { fastestMs: each.map(() => replay(distance, fastest)), defaultMs: each.map(() => replay('1s', [])) };
  } finally {
    await running.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function programOf(name: string): string | undefined {
  const ours = join(unpacked, name);
  if (existsSync(ours)) return ours;
  return spawnSync(name, ['-version'], { stdio: 'ignore' }).error === undefined ? name : undefined;
}

async function untilReady(url: string): Promise<void> {
  for (const deadline = performance.now() + readyMsMax; ; await sleep(50)) {
    const isReady = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    assert(performance.now() < deadline, 'VictoriaMetrics is ready in time');
  }
}

async function fill(url: string, { series, samplesOfEach, beginMs, spanMs }: ReplayLoad): Promise<void> {
  for (let at = 0; at < series.length; at += seriesAtOnce) {
    const lines = series.slice(at, at + seriesAtOnce).map(({ tags, valueAt }) => {
      const samples = Array.from({ length: samplesOfEach }, (_, sample) => sample);
      const timestamps = samples.map((sample) => beginMs + Math.floor((sample * spanMs) / samplesOfEach));
      return JSON.stringify({ metric: { __name__: 'load', ...tags }, values: samples.map(valueAt), timestamps });
    });
    const { ok, status } = await fetch(`${url}/api/v1/import`, { method: 'POST', body: lines.join('\n') });
    assert(ok, `VictoriaMetrics takes the samples: ${status}`);
  }
  await fetch(`${url}/internal/force_flush`);
}
