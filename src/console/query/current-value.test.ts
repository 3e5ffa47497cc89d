import { test } from 'node:test';
import assert from 'node:assert/strict';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { startConsoleSystem } from '../testing/console-system.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

interface Alarm {
  readonly value: number | null;
  readonly current_value?: number;
}

test('an alarm tells what its series says now, in lists, in rows and in the stream, beside what it fired at', async () => {
  const system = await startConsoleSystem({ evaluates: true });
  const stop = new AbortController();
  try {
    const call = async (path: string, body?: object): Promise<Response> => {
      const answer = await fetch(`${system.url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        signal: stop.signal,
      });
      assert.ok(answer.ok, path);
      return answer;
    };
    const alarm = async (): Promise<Alarm | undefined> =>
      ((await (await call('/api/v1/alarms?state=firing')).json()) as { alarms: Alarm[] }).alarms[0];
    const told = async (): Promise<unknown> => {
      const { value, current_value: now } = (await alarm()) ?? {};
      return JSON.stringify([value, now]);
    };
    const rule = { metric_name: 'packages', threshold: 500, no_data_seconds: 3_600, discord_webhook_url: webhook };
    const made = (await (await call('/rules', rule)).json()) as { id: string };
    await system.publish('packages', [520]);
    await waitUntil('it fires', async () => (await told()) === '[520,520]');
    let stream = '';
    const { body } = await call('/api/v1/stream', {});
    const reading = body!
      .pipeThrough(new TextDecoderStream())
      .pipeTo(new WritableStream({ write: (text) => void (stream += text) }), { signal: stop.signal })
      .catch(() => {});
    await system.publish('packages', [512]);
    await waitUntil('the list tells the value of now', async () => (await told()) === '[520,512]');
    await waitUntil('and the stream does', async () => /event: delta[^]*"current_value":512/.test(stream));
    const row = (await (await call(`/api/v1/rules/${made.id}/state`)).json()) as { worst: Alarm };
    assert.deepEqual([row.worst.value, row.worst.current_value], [520, 512]);
    stop.abort();
    await reading;
  } finally {
    await system.stop();
  }
});
