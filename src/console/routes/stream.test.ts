import { systemClock } from '../../base/clock.ts';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { ok } from '../../alarm/alarm-state.ts';
import { bearer } from '../../http/testing/test-server.ts';
import { StreamClient } from './stream-client.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

let system: ConsoleSystem;
before(async () => {
  system = await startConsoleSystem();
});
after(async () => {
  await system.stop();
});

interface StreamEvent {
  readonly event: string;
  readonly id: string;
  readonly data: {
    readonly feed?: readonly { readonly kind: string; readonly place: string }[];
    readonly alarms?: readonly { readonly alarm_id: string }[];
    readonly gone?: readonly object[];
    readonly is_resumed?: boolean;
    readonly is_complete?: boolean;
    readonly status?: { readonly rules?: number; readonly alarms?: { readonly firing: number } };
  };
}

interface Stream {
  next(): Promise<StreamEvent>;
  close(): void;
}

function ask(url: string, headers: Record<string, string>, body = '{}', signal?: AbortSignal): Promise<Response> {
  const all = { 'content-type': 'application/json', ...headers };
  return fetch(`${url}/api/v1/stream`, { method: 'POST', headers: all, body, ...(signal && { signal }) });
}

async function open(url: string, lastEventId?: string, headers: Record<string, string> = {}): Promise<Stream> {
  const stop = new AbortController();
  const more = { ...headers, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  let answer: Response;
  // What stands in the log is still being read.
  do answer = await ask(url, more, '{}', stop.signal);
  while (answer.status === 503);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end < 0) {
          const { value, done } = await reader.read();
          assert.ok(!done, 'the stream has ended');
          text += value;
          continue;
        }
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        if (field('event') === undefined) continue;
        return { event: field('event')!, id: field('id')!, data: JSON.parse(field('data')!) as StreamEvent['data'] };
      }
    },
    close: () => stop.abort(),
  };
}

const rule = '00000000-0000-4000-8000-000000000001';
let offset = 0;
const put = (state: 'firing' | 'ok') =>
  appendAlarm(system.storage.log, {
    ruleId: rule,
    metric: `m${offset % 7}`,
    state: state === 'ok' ? ok : firingSince(Date.now()),
    x: 1,
    offset: ++offset,
  });

test('a stream begins with a snapshot and goes on with what changes', async () => {
  const stream = await open(system.url);
  const first = await stream.next();
  assert.deepEqual([first.event, first.data.is_resumed], ['snapshot', false]);
  const alarm = await put('firing');
  let heard: StreamEvent;
  do heard = await stream.next();
  while (heard.data.feed === undefined);
  assert.equal(heard.event, 'delta');
  assert.deepEqual(
    heard.data.alarms?.map(({ alarm_id }) => alarm_id),
    [alarm.state.state === 'firing' && alarm.state.alarmId],
  );
  assert.equal(heard.data.status?.alarms?.firing, 1);
  stream.close();
});

test('a client without room gets nothing more until it is told what it missed', async () => {
  const client = new StreamClient({ subject: 'a', kinds: ['transition'], isOver: () => false, clock: systemClock });
  const upTo = (next: number) => ({ alarms: [next], rules: [], deliveries: [] });
  const room = new Promise<void>((resolve) => {
    client.onRoom = resolve;
  });
  client.send('x'.repeat(70_000), upTo(1));
  client.send('missed', upTo(2));
  client.body.read();
  client.send('news', upTo(3));
  await room;
  assert.deepEqual(client.positions, upTo(1));
  assert.equal(client.body.read(), null);
  client.takeUp();
  client.send('all of it', upTo(3));
  assert.equal(String(client.body.read()), 'all of it');
});

test('who comes back with the last id it heard misses no transition and hears none twice', async () => {
  const heard: string[] = [];
  let [stream, last] = [await open(system.url), ''];
  const start = await stream.next();
  const known = new Set(start.data.feed!.map(({ place }) => place));
  last = start.id;
  for (let round = 0; round < 6; round++) {
    for (let count = 0; count < 20; count++) await put('firing');
    const event = await stream.next();
    last = event.id;
    heard.push(...(event.data.feed ?? []).map(({ place }) => place));
    stream.close();
    for (let count = 0; count < 20; count++) await put('firing');
    stream = await open(system.url, last);
    const resumed = await stream.next();
    assert.deepEqual([resumed.data.is_resumed, resumed.data.is_complete], [true, true]);
    last = resumed.id;
    heard.push(...resumed.data.feed!.map(({ place }) => place));
  }
  while (heard.length < 240) heard.push(...((await stream.next()).data.feed ?? []).map(({ place }) => place));
  stream.close();
  assert.equal(new Set(heard).size, 240, 'none twice');
  assert.ok(heard.every((place) => !known.has(place)));
});

test('a subscription that says nonsense is refused, and so is one stream too many of a subject', async () => {
  for (const body of ['[]', '{"feed":["all"]}', '{"fed":[]}']) {
    assert.equal((await ask(system.url, {}, body)).status, 400, body);
  }
  const streams = [];
  for (let count = 0; count < 50; count++) streams.push(await open(system.url));
  const refused = await ask(system.url, {});
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '5']);
  for (const stream of streams) stream.close();
});

test('streams are counted by subject: one that has too many open keeps nobody else away', async () => {
  const own = await startConsoleSystem({ auth: true });
  const as = async (subject: string) => ({ authorization: await bearer({ scope: 'alarms:read', subject }) });
  const streams = [];
  for (let count = 0; count < 50; count++) streams.push(await open(own.url, undefined, await as('one')));
  assert.equal((await ask(own.url, await as('one'))).status, 429);
  streams.push(await open(own.url, undefined, await as('other')));
  streams[0]!.close();
  const deadline = Date.now() + 20_000;
  // The server learns of the end in its own time.
  for (let status = 429; status !== 200; await new Promise((resolve) => setTimeout(resolve, 20))) {
    assert.ok(Date.now() < deadline, 'a place that is free is given again');
    const stop = new AbortController();
    ({ status } = await ask(own.url, await as('one'), '{}', stop.signal));
    stop.abort();
  }
  for (const stream of streams) stream.close();
  await own.stop();
});

test('a stream needs alarms:read, tells of rule edits only with rules:read', async () => {
  const own = await startConsoleSystem({ auth: true });
  assert.equal((await ask(own.url, {})).status, 401);
  assert.equal((await ask(own.url, { authorization: await bearer({ scope: 'rules:read' }) })).status, 403);
  const all = { authorization: await bearer({ scope: 'rules:read rules:write alarms:read' }) };
  const body = JSON.stringify({
    metric_name: 'cpu',
    threshold: 1,
    discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
  });
  await fetch(`${own.url}/rules`, { method: 'POST', headers: { 'content-type': 'application/json', ...all }, body });
  const kinds = async (headers: Record<string, string>): Promise<string[]> => {
    const stream = await open(own.url, undefined, headers);
    const { data } = await stream.next();
    stream.close();
    return data.feed!.map(({ kind }) => kind);
  };
  assert.deepEqual(await kinds(all), ['rule']);
  assert.deepEqual(await kinds({ authorization: await bearer({ scope: 'alarms:read' }) }), []);
  await own.stop();
});

test('what has changed is told to all who listen, also when somebody begins to listen just then', async () => {
  const stream = await open(system.url);
  await stream.next();
  const body = JSON.stringify({
    metric_name: 'told-to-all',
    threshold: 1,
    discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
  });
  await fetch(`${system.url}/rules`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const rules = async (): Promise<unknown> =>
    ((await (await fetch(`${system.url}/api/v1/status`)).json()) as { rules: number }).rules;
  while ((await rules()) !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const late = await open(system.url);
  assert.equal((await late.next()).data.status?.rules, 1);
  let heard: StreamEvent;
  const timer = setTimeout(() => stream.close(), 5_000);
  do heard = await stream.next();
  while (heard.data.status?.rules === undefined);
  assert.equal(heard.data.status.rules, 1);
  clearTimeout(timer);
  stream.close();
  late.close();
});
