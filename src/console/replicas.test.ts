// Several consoles on one log, which know nothing of each other; and how long a stream lasts.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { waitForValue } from '../../test/support/wait-until.ts';
import { ok } from '../alarm/alarm-state.ts';
import { fastClock } from '../base/testing/fast-clock.ts';
import { bearer } from '../http/testing/test-server.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from './testing/console-system.ts';

const waitMsMax = 20_000;

let first: ConsoleSystem;
let second: ConsoleSystem;
let guarded: ConsoleSystem;
before(async () => {
  first = await startConsoleSystem();
  second = await startConsoleSystem({ storage: first.storage });
  guarded = await startConsoleSystem({ storage: first.storage, auth: true });
});
after(async () => {
  await guarded.stop();
  await second.stop();
  await first.stop();
});

interface RawStream {
  /** The next block; undefined at the end. Rejects when nothing comes for long. */
  next(): Promise<string | undefined>;
  close(): void;
}

async function open(url: string, headers: Record<string, string> = {}): Promise<RawStream> {
  const stop = new AbortController();
  const ask = (): Promise<Response> =>
    fetch(`${url}/api/v1/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"feed":["transition"]}',
      signal: stop.signal,
    });
  let answer = await ask();
  for (; answer.status === 503; answer = await ask()) await answer.text();
  assert.equal(answer.status, 200);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    async next() {
      const late = setTimeout(() => stop.abort(new Error('nothing came for long')), waitMsMax);
      try {
        while (!text.includes('\n\n')) {
          const { value, done } = await reader.read();
          if (done) return undefined;
          text += value;
        }
      } finally {
        clearTimeout(late);
      }
      const end = text.indexOf('\n\n');
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      return block;
    },
    close: () => stop.abort(),
  };
}

interface Told {
  readonly id: string;
  readonly places: readonly string[];
  readonly isComplete: boolean | undefined;
}

/** The next event, without what is no event. */
async function eventOf(stream: RawStream): Promise<Told> {
  for (const deadline = Date.now() + waitMsMax; ;) {
    const block = await stream.next();
    assert.ok(block !== undefined, 'the stream has ended');
    assert.ok(Date.now() < deadline, 'no event for long');
    const field = (name: string) =>
      block
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    if (field('event') === undefined) continue;
    const data = JSON.parse(field('data')!) as { feed?: { place: string }[]; is_complete?: boolean };
    return { id: field('id')!, places: (data.feed ?? []).map(({ place }) => place), isComplete: data.is_complete };
  }
}

test('a stream that is lost goes on at another instance, from instance to instance, and no transition is missed or doubled', async () => {
  const rule = '00000000-0000-4000-8000-000000000001';
  let offset = 4;
  const flap = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      // Each of five series in turn fires, and ends in the next turn.
      const state = Math.floor(++offset / 5) % 2 === 1 ? firingSince(Date.now()) : ok;
      await appendAlarm(first.storage.log, { ruleId: rule, metric: `m${offset % 5}`, state, x: 1, offset });
    }
  };
  const places: string[] = [];
  let stream = await open(first.url);
  let { id } = await eventOf(stream);
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    await flap(15);
    const told = await eventOf(stream);
    id = told.id;
    places.push(...told.places);
    stream.close();
    await flap(15);
    stream = await open(round % 2 === 0 ? second.url : first.url, { 'last-event-id': id });
    const resumed = await eventOf(stream);
    assert.equal(resumed.isComplete, true);
    id = resumed.id;
    places.push(...resumed.places);
  }
  const all = rounds * 30;
  while (places.length < all) places.push(...(await eventOf(stream)).places);
  stream.close();
  assert.deepEqual([places.length, new Set(places).size], [all, all]);
});

test('a rule that one instance makes is found by the search of the others, and its edit is refused to who saw an older one', async () => {
  const json = { 'content-type': 'application/json' };
  const rule = {
    metric_name: 'made-at-the-first',
    threshold: 1,
    discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
  };
  const made = await fetch(`${first.url}/rules`, { method: 'POST', headers: json, body: JSON.stringify(rule) });
  const { id } = (await made.json()) as { id: string };
  const found = async (): Promise<unknown> => (await fetch(`${second.url}/api/v1/rules/ids?q=metric:made-at-*`)).json();
  const expected = JSON.stringify({ ids: [id], total: 1 });
  await waitForValue('the other finds it', found, (value) => JSON.stringify(value) === expected);
  const seen = (await fetch(`${second.url}/rules/${id}`)).headers.get('etag')!;
  const put = async (url: string, threshold: number): Promise<number> => {
    const body = JSON.stringify({ ...rule, threshold });
    const answer = await fetch(`${url}/rules/${id}`, { method: 'PUT', headers: { ...json, 'if-match': seen }, body });
    return answer.status;
  };
  assert.equal(await put(first.url, 2), 200);
  const etag = async (): Promise<string | null> => (await fetch(`${second.url}/rules/${id}`)).headers.get('etag');
  await waitForValue('the other has the edit', etag, (value) => value !== seen);
  assert.equal(await put(second.url, 3), 412);
});

test('a stream on which nothing happens says each five seconds that it is there', async () => {
  const clock = fastClock(5);
  const quiet = await startConsoleSystem({ clock, storage: first.storage });
  const stream = await open(quiet.url);
  await eventOf(stream);
  const quietMs: number[] = [];
  for (let sinceMs = clock.monotonicMs(); quietMs.length < 2;) {
    const block = await stream.next();
    if (block!.startsWith(':')) quietMs.push(clock.monotonicMs() - sinceMs);
    sinceMs = clock.monotonicMs();
  }
  stream.close();
  await quiet.stop();
  // Sooner it would be no heartbeat but noise.
  for (const each of quietMs) assert.ok(each > 3_000, `after ${each} ms`);
});

test('a stream ends when its token does', async () => {
  const beganMs = performance.now();
  const stream = await open(guarded.url, { authorization: await bearer({ scope: 'alarms:read', lifetimeSeconds: 6 }) });
  while ((await stream.next()) !== undefined)
    assert.ok(performance.now() - beganMs < waitMsMax, 'it outlives its token');
  const lastedMs = performance.now() - beganMs;
  assert.ok(lastedMs > 3_000, `it lasted ${lastedMs} ms`);
});
