// This machine as a device: what its processors, memory, disk and network do, each as a metric. node:os and the kernel's own
// text have all of it, so no package is needed. Outside of Linux there is no network.
import { readFile, statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpus, freemem, hostname, totalmem } from 'node:os';

export interface HostFigure {
  readonly name: string;
  readonly value: number;
}

export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

interface Reading {
  readonly atMs: number;
  readonly busy: number;
  readonly total: number;
  readonly traffic: Traffic | undefined;
}

const firstMs = 100;

/** The tag of this machine's series. */
export const hostTags = (): Record<string, string> => ({ host: hostname() });

/** Reads the machine; what is a rate is of the time since the last call, or of the first tenth of a second. */
export class HostReader {
  #last: Reading | undefined;

  async read(): Promise<HostFigure[]> {
    const before = this.#last ?? (await readNow());
    if (this.#last === undefined) await sleep(firstMs);
    const now = await readNow();
    this.#last = now;
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
    const figures = [
      { name: 'cpu-percent', value: percent(now.busy - before.busy, now.total - before.total) },
      { name: 'memory-percent', value: percent(totalmem() - (await availableMemory()), totalmem()) },
      { name: 'disk-percent', value: await diskPercent() },
    ];
    if (before.traffic === undefined || now.traffic === undefined) return figures;
    const rate = (from: number, to: number): number => Math.max(0, Math.round((to - from) / seconds));
    return [
      ...figures,
      { name: 'network-received-bytes-per-second', value: rate(before.traffic.received, now.traffic.received) },
      { name: 'network-sent-bytes-per-second', value: rate(before.traffic.sent, now.traffic.sent) },
    ];
  }
}

async function readNow(): Promise<Reading> {
  const times = cpus().map((cpu) => cpu.times);
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  const text = await readFile('/proc/net/dev', 'utf8').catch(() => undefined);
  return {
    atMs: performance.now(),
    busy: total - idle,
    total,
    traffic: text === undefined ? undefined : trafficOf(text),
  };
}

/** What all interfaces but the loopback have carried since the machine started, of /proc/net/dev. */
export function trafficOf(text: string): Traffic {
  let [received, sent] = [0, 0];
  for (const [, name, counters] of text.matchAll(/^\s*([^\s:]+):\s*(.*)$/gm)) {
    if (name === 'lo') continue;
    const columns = counters!.trim().split(/\s+/).map(Number);
    received += columns[0] ?? 0;
    sent += columns[8] ?? 0;
  }
  return { received, sent };
}

/** What can be had without swapping: free memory alone leaves out the caches that give way. */
async function availableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(text);
  return match === null ? freemem() : Number(match[1]) * 1024;
}

async function diskPercent(): Promise<number> {
  const { blocks, bavail } = await statfs(process.cwd());
  return percent(blocks - bavail, blocks);
}

function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.round((part / whole) * 1_000) / 10;
}
