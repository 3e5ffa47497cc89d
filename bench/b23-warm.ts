// B23: the connection to Discord when an alarm comes. A stand-in that speaks TLS, 50 ms away, gets a message every 10 s, as rare alarms are:
// from the call to the request's head at the server, over a connection that is kept warm as the notifier does it, over one that was
// used a moment before, and over none.
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { openDiscord } from '../src/receiver/discord/discord-receiver.ts';
import { startFakeDiscord } from '../test/support/fake-discord/fake-discord.ts';
import type { Options } from './support/options.ts';
import type { Result } from './support/result.ts';
import { bootstrap, median } from './support/statistics.ts';

const roundTripMs = 50;

export async function warmConnection({ isShort }: Options): Promise<Result[]> {
  const [gapMs, messages] = isShort ? [6_000, 2] : [10_000, 20];
  const fake = await startFakeDiscord({ tls: 'trusted' });
  setDefaultCACertificates([...getCACertificates('default'), fake.authorityCert!]);
  const proxy = await startDelay(fake.door.port);
  const base = `https://localhost:${proxy.port}/api/v10`;
  const { webhook } = fake.addWebhook();
  const timed = async (gap: number, isKept: boolean): Promise<number[]> => {
    const open = openDiscord({ version: '0', nowMs: () => Date.now(), discordApiBase: base });
    const stop = new AbortController();
    const keeping = isKept ? keepWarm(open.warm!, stop.signal) : Promise.resolve();
    const took: number[] = [];
    for (let count = 0; count < messages; count++) {
      await sleep(gap);
      const begunMs = Date.now();
      const message = { body: { content: 'hello', allowed_mentions: { parse: [] } }, carried: [], shown: 0 };
      await open.receiver.request(webhook, { act: 'send', message, idempotencyKey: String(count) });
      took.push(fake.ledger.entries.at(-1)!.atMs - begunMs);
    }
    stop.abort();
    await keeping;
    await open.close();
    return took;
  };
  // The first of these pays for the connection.
  const used = (await timed(500, false)).slice(1);
  const kept = await timed(gapMs, true);
  const none = await timed(gapMs, false);
  proxy.close();
  await fake.close();
  const usedMs = median(used);
  const row = (what: string, took: readonly number[]): Result => {
    return { scenario: 'B23', what, value: bootstrap(took), unit: 'ms' };
  };
  return [
    row('to the head of a request, over a connection used a moment before', used),
    row(`the same, an alarm every ${gapMs / 1_000} s, kept warm`, kept),
    row('the same, not kept', none),
    {
      scenario: 'B23',
      what: 'kept warm / used a moment before',
      value: bootstrap(kept.map((ms) => ms / usedMs)),
      unit: 'x',
      goal: { atMost: 1.2 },
    },
  ];
}

async function keepWarm(warm: () => Promise<number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await sleep(await warm(), undefined, { signal }).catch(() => {});
}

/** Passes bytes on after half a round trip; of a new connection a whole one later, since its handshake takes as long. */
async function startDelay(port: number): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const beganMs = performance.now();
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => {
        const handshakeMs = Math.max(0, beganMs + roundTripMs - performance.now());
        setTimeout(() => to.write(bytes), handshakeMs + roundTripMs / 2);
      });
      from.on('end', () => setTimeout(() => to.end(), roundTripMs));
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
