// B13's other half: rules made and replaced over HTTP, each validated, durable in the embedded log and seen by the service's own view before
// it is answered. Beside ours bare Fastify, which parses the same bodies and sends them back.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onSubjectCore } from './support/host.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { nodeCommand, start } from './support/processes.ts';
import { requestFor, type Request, type Requested } from './support/request-load.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

/** So many share a commit at the most. */
const atOnce = 64;
const bodiesCount = 1_000;
const metricsCount = 200;
const headers = { 'content-type': 'application/json' };
const webhook = `https://discord.com/api/webhooks/123456789012345678/${'a'.repeat(68)}`;

const rules = Array.from({ length: bodiesCount }, (_, index) => ({
  metric_name: `service-${index % metricsCount}.http-errors`,
  threshold: index + 0.5,
  operator: '>',
  tags: { host: `web-${index}`, zone: 'eu' },
  discord_webhook_url: webhook,
  cooldown_seconds: 300,
  notify_on_resolve: true,
  description: `Call the payments team, case ${index}`,
}));
const bodies = rules.map((rule) => Buffer.from(JSON.stringify(rule)));

export async function rulesChanges(options: Options): Promise<Result[]> {
  const seconds = options.isShort ? { warm: 1, measured: 1 } : { warm: 4, measured: 5 };
  const measure = async (command: readonly string[], kind: keyof typeof changes): Promise<Requested> => {
    const subject = start(onSubjectCore(command));
    try {
      const { url } = await subject.next<{ url: string }>();
      const ids = await make(url);
      let count = 0;
      const next = (): Request => changes[kind](count++, ids);
      return await requestFor({ url, pid: subject.pid }, { atOnce, seconds, next });
    } finally {
      await subject.end();
    }
  };
  const ours = (kind: keyof typeof changes) => async (): Promise<Requested> => {
    const folder = mkdtempSync(join(tmpdir(), 'ssrms-changes-'));
    try {
      return await measure(nodeCommand('subjects/rules-service.ts', folder), kind);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const echo = (kind: keyof typeof changes) => () => measure(nodeCommand('peers/fastify-echo.ts'), kind);
  const subjects = {
    'made: ours': ours('made'),
    'made: fastify echo': echo('made'),
    'replaced: ours': ours('replaced'),
    'replaced: fastify echo': echo('replaced'),
  };
  const describe = (one: Requested): string =>
    `${(one.perCpuSecond / 1_000).toFixed(1)} k a CPU-second, ${one.perSecond.toFixed(0)}/s, p99 ${one.p99Ms.toFixed(1)} ms`;
  return rows(await runPairs({ scenario: 'B13', pairs: pairsOf(options, 10), subjects, describe }, options));
}

const changes = {
  made: (count: number): Request => ({ method: 'POST', path: '/rules', headers, body: bodies[count % bodiesCount]! }),
  replaced: (count: number, ids: readonly string[]): Request => ({
    method: 'PUT',
    path: `/rules/${ids[count % ids.length]}`,
    headers,
    body: bodies[(count * 7) % bodiesCount]!,
  }),
};

/** Makes the rules that are there before anything is measured, and looks at each answer: both answer the same. */
async function make(url: string): Promise<string[]> {
  const ids: string[] = [];
  for (const [index, body] of bodies.entries()) {
    const answer = await fetch(`${url}/rules`, { method: 'POST', headers, body });
    const { id, ...rule } = (await answer.json()) as { id: string };
    assert.equal(answer.status, 201);
    assert.deepEqual(rule, rules[index]);
    ids.push(id);
  }
  return ids;
}

function rows(runs: Readonly<Record<string, readonly Requested[]>>): Result[] {
  const figures = Object.entries(runs).flatMap(([name, all]): Result[] => [
    {
      scenario: 'B13',
      what: `rules ${name}, changes a CPU-second`,
      value: bootstrap(all.map((one) => one.perCpuSecond / 1_000)),
      unit: 'k',
    },
    {
      scenario: 'B13',
      what: `rules ${name}, p99 to the answer`,
      value: bootstrap(all.map((one) => one.p99Ms)),
      unit: 'ms',
    },
  ]);
  const perCpu = (name: string): number[] => runs[name]!.map((one) => one.perCpuSecond);
  const against = ['made', 'replaced'].map((kind): Result => ({
    scenario: 'B13',
    what: `rules ${kind}: ours / fastify echo, changes a CPU-second`,
    value: bootstrap(ratios(perCpu(`${kind}: ours`), perCpu(`${kind}: fastify echo`))),
    unit: 'x',
    goal: { atLeast: 0.7 },
  }));
  return [...figures, ...against];
}
