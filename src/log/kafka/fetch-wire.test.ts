import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { test, type TestContext } from 'node:test';
import { Writer } from '@platformatic/kafka';
import { createAuthority } from '../../../test/support/fake-discord/certificates.ts';
import { LogUnavailable } from '../log.ts';
import { Connections, type Security } from './connections.ts';
import { openFetchSocket } from './fetch-socket.ts';
import { FetchWire } from './fetch-wire.ts';
import { RecordMemory } from './record-memory.ts';

const purpose = { name: 'test', answerTimeoutMs: 1_000 };
const topicId = '00112233-4455-6677-8899-aabbccddeeff';
const request = [500, 1, 1_000, 1, 0, -1, [], [], ''] as const;

/** An answer to Fetch with one partition's records, whole. */
function answerTo(correlationId: number, records: Buffer): Buffer {
  return Writer.create()
    .appendInt32(correlationId)
    .appendTaggedFields()
    .appendInt32(0)
    .appendInt16(0)
    .appendInt32(0)
    .appendArray([topicId], (ofTopic, id) =>
      ofTopic.appendUUID(id).appendArray([records], (one, bytes) => {
        one.appendInt32(3).appendInt16(0).appendInt64(70n).appendInt64(60n).appendInt64(5n);
        one
          .appendUnsignedVarInt(1)
          .appendInt32(-1)
          .appendUnsignedVarInt(bytes.length + 1);
        one.append(bytes);
      }),
    )
    .appendTaggedFields()
    .prependLength().buffer;
}

/** A wire to a broker that does with each request what `answer` does. */
async function wireTo(
  context: TestContext,
  answer: (socket: Socket, correlationId: number) => void,
  { server = createServer(), security = {} }: { server?: Server; security?: Security } = {},
): Promise<FetchWire> {
  server.on(security.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', (frame: Buffer) => answer(socket, frame.readInt32BE(8)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connections = new Connections('test', security);
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const open = await openFetchSocket(connections, address, purpose);
  const wire = new FetchWire(open, {
    clientId: 'test',
    answerTimeoutMs: purpose.answerTimeoutMs,
    memory: new RecordMemory(),
  });
  context.after(() => {
    wire.close();
    connections.close();
    server.close();
  });
  return wire;
}

const ask = (wire: FetchWire) => wire.ask(...(request as unknown as Parameters<FetchWire['ask']>));

test('answers come whole, however the network cuts them, one after the other', async (context) => {
  const sent = [Buffer.from('one'), Buffer.alloc(300_000, 7), Buffer.alloc(0), Buffer.from('four')];
  let answered = 0;
  const wire = await wireTo(context, (socket, correlationId) => {
    const answer = answerTo(correlationId, sent[answered++]!);
    const cut = answered * 7;
    socket.write(answer.subarray(0, cut));
    setTimeout(() => socket.write(answer.subarray(cut)), 5);
  });
  for (const records of sent) {
    const { partitions } = await ask(wire);
    assert.deepEqual(partitions, [
      { topicId, partition: 3, errorCode: 0, lastStableOffset: 60, aborted: [], records: partitions[0]!.records },
    ]);
    assert.ok(partitions[0]!.records.equals(records));
  }
});

test('what an answer brought holds while the next one is read', async (context) => {
  let answered = 0;
  const wire = await wireTo(context, (socket, correlationId) => {
    socket.write(answerTo(correlationId, Buffer.alloc(50_000, ++answered)));
  });
  const first = await ask(wire);
  await ask(wire);
  assert.ok(first.partitions[0]!.records.equals(Buffer.alloc(50_000, 1)));
});

test('over TLS it is the same', async (context) => {
  const authority = createAuthority(Date.now());
  const server = createTlsServer(authority.issue('trusted'));
  const records = Buffer.alloc(200_000, 5);
  const wire = await wireTo(context, (socket, id) => socket.write(answerTo(id, records)), {
    server,
    security: { tls: { ca: authority.cert } },
  });
  for (let round = 0; round < 3; round++) assert.ok((await ask(wire)).partitions[0]!.records.equals(records));
});

const failures: [string, (socket: Socket, correlationId: number) => void, RegExp][] = [
  ['a connection that ends', (socket) => socket.destroy(), /connection was closed/],
  [
    'one that ends amid an answer',
    (socket, id) => socket.end(answerTo(id, Buffer.alloc(90)).subarray(0, 60)),
    /connection was closed/,
  ],
  [
    'an answer to another question',
    (socket, id) => socket.write(answerTo(id + 1, Buffer.alloc(9))),
    /no question of ours/,
  ],
  ['a frame of two bytes', (socket) => socket.write(Buffer.from([0, 0, 0, 2, 1, 1])), /says it has 2 bytes/],
  ['a frame of a gigabyte', (socket) => socket.write(Buffer.from([64, 0, 0, 0, 1, 1])), /says it has 1073741824 bytes/],
  [
    'an answer that says more than its frame holds',
    (socket, id) => {
      const answer = answerTo(id, Buffer.alloc(90));
      answer.writeInt32BE(60, 0);
      socket.write(answer);
    },
    /cut short/,
  ],
  ['silence', () => {}, /too long/],
];

for (const [name, answer, reason] of failures) {
  test(`${name} is no answer, and the wire is closed`, async (context) => {
    const wire = await wireTo(context, answer);
    await assert.rejects(ask(wire), (error: Error) => error instanceof LogUnavailable && reason.test(error.message));
    assert.ok(wire.isClosed);
    await assert.rejects(ask(wire), LogUnavailable);
  });
}

test('nobody there is refused', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await assert.rejects(
    openFetchSocket(new Connections('test', {}), { host: '127.0.0.1', port }, purpose),
    LogUnavailable,
  );
});
