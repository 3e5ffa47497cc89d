// Requests over HTTP, as many at a time as keep the subject busy, and what the answers took.
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

export interface Request {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface RequestLoad {
  /** Requests under way at a time, each on a connection of its own. */
  readonly atOnce: number;
  readonly seconds: { readonly warm: number; readonly measured: number };
  /** The next request. */
  readonly next: () => Request;
}

export interface Requested {
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Of all requests, those before the measured span as well. */
  readonly requests: number;
}

/** proc(5): user and system time in hundredths of a second. */
const ticksPerSecond = 100;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Asks for some seconds and measures the last of them: the CPU of all of the process's threads. */
export async function requestFor(
  target: { readonly url: string; readonly pid: number },
  { atOnce, seconds, next }: RequestLoad,
): Promise<Requested> {
  const pool = new Pool(target.url, { connections: atOnce, pipelining: 1 });
  const tookMs: number[] = [];
  const phase = { isMeasured: false, isOver: false };
  let requests = 0;
  const sender = async (): Promise<void> => {
    while (!phase.isOver) {
      const request = next();
      requests++;
      const beganMs = performance.now();
      const answer = await pool.request(request);
      await answer.body.dump();
      if (answer.statusCode >= 300) throw new Error(`${request.path} answered ${answer.statusCode}`);
      if (phase.isMeasured) tookMs.push(performance.now() - beganMs);
    }
  };
  const senders = Promise.all(Array.from({ length: atOnce }, sender));
  const wait = (ms: number): Promise<unknown> =>
    Promise.race([senders, new Promise((resolve) => setTimeout(resolve, ms))]);
  await wait(seconds.warm * 1_000);
  phase.isMeasured = true;
  const [cpuBefore, beganMs] = [cpuSeconds(target.pid), performance.now()];
  await wait(seconds.measured * 1_000);
  phase.isMeasured = false;
  const [cpu, wallSeconds] = [cpuSeconds(target.pid) - cpuBefore, (performance.now() - beganMs) / 1_000];
  phase.isOver = true;
  await senders;
  await pool.close();
  tookMs.sort((one, other) => one - other);
  return {
    perCpuSecond: tookMs.length / cpu,
    perSecond: tookMs.length / wallSeconds,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? NaN,
    requests,
  };
}
