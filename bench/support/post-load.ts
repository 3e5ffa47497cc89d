// Posts of a hundred samples, and what they take.
import { requestFor } from './request-load.ts';

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

/** Posts for some seconds and measures the last of them. */
export async function postFor(
  target: { readonly url: string; readonly pid: number },
  { path, headers, bodies }: PostForm,
  seconds: { readonly warm: number; readonly measured: number },
): Promise<Posted> {
  let posts = 0;
  const next = () => ({ method: 'POST' as const, path, headers, body: bodies[posts++ % bodies.length]! });
  const { perCpuSecond, perSecond, p99Ms, requests } = await requestFor(target, { atOnce, seconds, next });
  return {
    samplesPerCpuSecond: perCpuSecond * samplesPerPost,
    samplesPerSecond: perSecond * samplesPerPost,
    p99Ms,
    samples: requests * samplesPerPost,
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
