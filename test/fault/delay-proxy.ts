// A proxy before a broker that holds one request back, cuts the client off from it, and delivers it much later: what a
// network may do, and what no client can rule out once it has no answer.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const host = '127.0.0.1';

/** A request that was held back. */
export interface Held {
  readonly apiKey: number;
  /** Hands it to the broker now, on the connection that it came by; resolves with the broker's answer, if one comes. */
  deliver(): Promise<Buffer | undefined>;
}

export interface DelayProxy {
  readonly port: number;
  target: number;
  /** Holds back the next request that `isWanted` takes. `doubled`: it also goes its way. */
  holdNext(isWanted: (apiKey: number, frame: Buffer) => boolean, doubled?: boolean): Promise<Held>;
  close(): Promise<void>;
}

interface Wish {
  readonly isWanted: (apiKey: number, frame: Buffer) => boolean;
  readonly doubled: boolean;
  readonly resolve: (held: Held) => void;
}

const answerMsMax = 5_000;

/** Calls `onFrame` with each whole frame, its length included. */
function frames(onFrame: (frame: Buffer) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      onFrame(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}

function heldOn(broker: Socket, frame: Buffer): Held {
  return {
    apiKey: frame.readInt16BE(4),
    deliver() {
      broker.removeAllListeners('data');
      broker.resume();
      broker.write(frame);
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), answerMsMax);
        const settle = (answer?: Buffer) => {
          clearTimeout(timer);
          resolve(answer);
          broker.destroy();
        };
        broker.on('data', frames(settle));
        broker.on('close', () => settle());
      });
    },
  };
}

export async function startDelayProxy(): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  let wish: Wish | undefined;
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const open = (): Socket => track(connect(proxy.target, host));
  const server = createServer((client) => {
    track(client);
    const broker = open();
    let isDetached = false;
    client.on('close', () => isDetached || broker.destroy());
    broker.on('close', () => client.destroy());
    broker.on('data', (data) => client.write(data));
    const take = (frame: Buffer): void => {
      const wanted = wish;
      if (isDetached) return;
      if (wanted === undefined || !wanted.isWanted(frame.readInt16BE(4), frame)) {
        broker.write(frame);
        return;
      }
      wish = undefined;
      if (wanted.doubled) {
        broker.write(frame);
        wanted.resolve(heldOn(open(), Buffer.from(frame)));
        return;
      }
      isDetached = true;
      client.destroy();
      wanted.resolve(heldOn(broker, Buffer.from(frame)));
    };
    client.on('data', frames(take));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const proxy: DelayProxy = {
    port: (server.address() as AddressInfo).port,
    target: 0,
    holdNext(isWanted, doubled = false) {
      return new Promise((resolve) => (wish = { isWanted, doubled, resolve }));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
