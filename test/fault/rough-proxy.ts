// A proxy that makes a network of loopback: late, slow, cutting connections, or swallowing what is said in one direction while the
// other side believes that all is well.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Random } from '../support/sim-log/random.ts';

const host = '127.0.0.1';
/** So much may be on its way; then the sender waits. */
const onTheWayMax = 1_048_576;

export interface Weather {
  /** Each piece is so late, drawn anew between the two, and none overtakes another. */
  readonly latencyMs?: readonly [number, number];
  readonly bytesPerSecond?: number;
}

export interface RoughProxy {
  readonly port: number;
  target: number;
  weather: Weather;
  /** Cuts one of the connections by RST, if there is one. */
  reset(): void;
  /** Of all connections that stand, one direction goes nowhere from now on; those made later are well. */
  swallow(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Of which side's words nothing arrives any more. */
  mute: Socket | undefined;
}

export async function startRoughProxy(random: Random): Promise<RoughProxy> {
  const pairs = new Set<Pair>();
  const pipe = (from: Socket, to: Socket, pair: Pair): void => {
    let [freeAtMs, onTheWay] = [0, 0];
    from.on('data', (data) => {
      if (pair.mute === from) return;
      const { latencyMs: [least, most] = [0, 0], bytesPerSecond = Infinity } = proxy.weather;
      const nowMs = performance.now();
      freeAtMs = Math.max(freeAtMs, nowMs) + (data.length / bytesPerSecond) * 1_000;
      const dueMs = Math.max(freeAtMs, nowMs + least + random.next() * (most - least));
      freeAtMs = dueMs;
      onTheWay += data.length;
      if (onTheWay > onTheWayMax) from.pause();
      const arrive = (): void => {
        onTheWay -= data.length;
        if (onTheWay <= onTheWayMax) from.resume();
        if (pair.mute !== from) to.write(data);
      };
      if (dueMs - nowMs < 1) arrive();
      else setTimeout(arrive, dueMs - nowMs);
    });
    from.on('error', () => {});
    from.on('close', () => {
      pairs.delete(pair);
      to.destroy();
    });
  };
  const listener = createServer((client) => {
    const pair: Pair = { client, server: connect(proxy.target, host), mute: undefined };
    pairs.add(pair);
    pipe(client, pair.server, pair);
    pipe(pair.server, client, pair);
  });
  await new Promise<void>((resolve) => listener.listen(0, host, resolve));
  const proxy: RoughProxy = {
    port: (listener.address() as AddressInfo).port,
    target: 0,
    weather: {},
    reset() {
      if (pairs.size === 0) return;
      const { client, server } = random.pick([...pairs]);
      client.resetAndDestroy();
      server.resetAndDestroy();
    },
    swallow() {
      for (const pair of pairs) pair.mute = random.chance(0.5) ? pair.client : pair.server;
    },
    async close() {
      for (const { client, server } of pairs) for (const socket of [client, server]) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return proxy;
}
