import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFrame } from './page/state/stream-frame.ts';

test('a frame of the stream is an event, and a comment or the pause before a retry is none', () => {
  const frame = 'event: delta\nid: 0.5,1.7\ndata: {"text":"a: b\\n","data":1}';
  assert.deepEqual(parseFrame(frame), { event: 'delta', id: '0.5,1.7', data: { text: 'a: b\n', data: 1 } });
  for (const none of [': still here', 'retry: 1000', '', 'event: delta\nid: 1'])
    assert.equal(parseFrame(none), undefined);
});
