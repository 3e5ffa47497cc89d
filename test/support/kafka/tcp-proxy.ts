// A TCP proxy for tests that want to lose what travels between a client and a broker. It reads Kafka's frames, an int32
// length and in a request an int16 API key, so that a test can choose which ones.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const host = '127.0.0.1';

/** API keys of the Kafka protocol that tests choose by. */
export const apiKeys = { produce: 0, fetch: 1, listOffsets: 2, offsetCommit: 8, joinGroup: 11, heartbeat: 12 } as const;

/** Where an answer's body begins, behind its length, its correlation id and an empty list of tagged fields. */
export const answerBodyAt = 9;

/** What becomes of a request. `dropAnswer`: the broker gets it, and the client's connection is cut before its answer. */
export type Fate = 'pass' | 'dropAnswer' | 'cut';

export interface TcpProxy {
  readonly port: number;
  /** Where new connections go. */
  target: number;
  /** Asked for each request; passes all when absent. */
  decide: ((apiKey: number) => Fate) | undefined;
  /** May change an answer in place; `apiKey` is its request's. See `answerBodyAt`. */
  alter: ((apiKey: number, answer: Buffer) => void) | undefined;
  /** Cuts all connections. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Calls `onFrame` with each whole frame, its length included. */
function frames(onFrame: (frame: Buffer) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= 4) {
      const end = 4 + rest.readInt32BE(0);
      if (rest.length < end) return;
      onFrame(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}

export async function startTcpProxy(): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    const broker = connect(proxy.target, host);
    for (const socket of [client, broker]) track(socket);
    client.on('close', () => broker.destroy());
    broker.on('close', () => client.destroy());
    // A broker answers a connection's requests in their order. undefined: the answer that is to be lost.
    const asked: (number | undefined)[] = [];
    client.on(
      'data',
      frames((frame) => {
        const apiKey = frame.readInt16BE(4);
        const fate = proxy.decide?.(apiKey) ?? 'pass';
        if (fate === 'cut') {
          client.destroy();
          return;
        }
        asked.push(fate === 'dropAnswer' ? undefined : apiKey);
        broker.write(frame);
      }),
    );
    broker.on(
      'data',
      frames((frame) => {
        const apiKey = asked.shift();
        if (apiKey === undefined) {
          client.destroy();
          return;
        }
        proxy.alter?.(apiKey, frame);
        client.write(frame);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    target: 0,
    decide: undefined,
    alter: undefined,
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
