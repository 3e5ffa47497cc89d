// Posts of a hundred samples, as many at a time as keep the subject busy, and what the answers took.
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

export interface PostForm {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodies: readonly Buffer[];
}

export interface Posted {
  readonly samplesPerCpuSecond: number;
  readonly samplesPerSecond: number;
  readonly p99Ms: number;
  /** Of all posts, those before the measured span as well. */
  readonly samples: number;
}

export const samplesPerPost = 100;
const atOnce = 16;
const bodiesCount = 200;
/** proc(5): user and system time in hundredths of a second. */
const ticksPerSecond = 100;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Posts for some seconds and measures the last of them: the CPU of all of the process's threads. */
export async function postFor(
  target: { readonly url: string; readonly pid: number },
  form: PostForm,
  seconds: { readonly warm: number; readonly measured: number },
): Promise<Posted> {
  const pool = new Pool(target.url, { connections: atOnce, pipelining: 1 });
  const tookMs: number[] = [];
  const phase = { isMeasured: false, isOver: false };
  let posts = 0;
  const sender = async (): Promise<void> => {
    while (!phase.isOver) {
      const body = form.bodies[posts++ % form.bodies.length]!;
      const beganMs = performance.now();
      const answer = await pool.request({ path: form.path, method: 'POST', headers: form.headers, body });
      await answer.body.dump();
      if (answer.statusCode >= 300) throw new Error(`${form.path} answered ${answer.statusCode}`);
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
  const samples = tookMs.length * samplesPerPost;
  tookMs.sort((one, other) => one - other);
  return {
    samplesPerCpuSecond: samples / cpu,
    samplesPerSecond: samples / wallSeconds,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? NaN,
    samples: posts * samplesPerPost,
  };
}

/** Two hundred bodies of a hundred samples each, of ten thousand series. */
export function bodiesOf(text: (samples: readonly PostSample[]) => string): Buffer[] {
  return Array.from({ length: bodiesCount }, () => {
    const samples = Array.from({ length: samplesPerPost }, () => {
      const host = Math.floor(Math.random() * 10);
      const value = Math.round(Math.random() * 100_000) / 100;
      return { name: `service_${Math.floor(Math.random() * 1_000)}_requests`, host: `web-${host}`, value };
    });
    return Buffer.from(text(samples));
  });
}

export interface PostSample {
  readonly name: string;
  readonly host: string;
  readonly value: number;
}
