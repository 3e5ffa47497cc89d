// The sockets to the brokers. A broker answers one request of a connection at a time, so that a long poll, or a group that
// waits for its members, holds up all behind it: each purpose has its own connection, named by its lane.
import { Connection, ConnectionStatuses, type ConnectionOptions } from '@platformatic/kafka';
import { LogUnavailable } from '../log.ts';
import { reasonOf } from './protocol.ts';

/** How to speak with a cluster that is not open to everybody: the library's own options. */
export interface Security {
  readonly tls?: ConnectionOptions['tls'];
  readonly sasl?: ConnectionOptions['sasl'];
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The broker that leads a partition. */
export interface Leader extends Address {
  readonly brokerId: number;
}

/** A purpose with a connection of its own, and how long its answers may take before the connection counts as dead. */
export interface Lane {
  readonly name: string;
  readonly answerTimeoutMs: number;
}

export const connectTimeoutMs = 5_000;
/** Each lane bounds what it has in flight by itself; the library's own bound is set out of the way. */
const inFlightMax = 1_000;

interface Entry {
  readonly connection: Connection;
  readonly opening: Promise<void>;
}

export class Connections {
  readonly clientId: string;
  readonly security: Security;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(clientId: string, security: Security) {
    this.clientId = clientId;
    this.security = security;
  }

  /** The lane's open connection to an address, opened when there is none. Rejects with LogUnavailable. */
  async open(address: Address, lane: Lane): Promise<Connection> {
    if (this.#closed) throw new LogUnavailable('the log is closed');
    const key = `${lane.name} ${address.host}:${address.port}`;
    let entry = this.#entries.get(key);
    if (!entry || !isAlive(entry.connection)) {
      entry = this.#connect(key, address, lane);
      this.#entries.set(key, entry);
    }
    await entry.opening;
    return entry.connection;
  }

  #connect(key: string, address: Address, lane: Lane): Entry {
    const connection = new Connection(this.clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: lane.answerTimeoutMs,
      maxInflights: inFlightMax,
      ...(this.security.tls && { tls: this.security.tls }),
      ...(this.security.sasl && { sasl: this.security.sasl }),
    });
    const forget = () => {
      if (this.#entries.get(key)?.connection === connection) this.#entries.delete(key);
    };
    // Errors are heard where they hurt, at the request; without a listener an error event would end the process.
    connection.on('error', forget);
    connection.on('close', forget);
    const opening = Promise.resolve(connection.connect(address.host, address.port)).catch((error: unknown) => {
      forget();
      destroy(connection);
      const place = `${address.host}:${address.port}`;
      throw new LogUnavailable(`cannot connect to ${place}: ${reasonOf(error)}`, { cause: error });
    });
    opening.catch(() => {}); // It is awaited in `open`, by one caller or more; none of them must be needed.
    return { connection, opening };
  }

  /** Closes one lane's connections, whatever is under way on them. */
  closeLane(name: string): void {
    for (const [key, { connection }] of this.#entries) {
      if (key.startsWith(`${name} `)) destroy(connection);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of this.#entries.values()) destroy(connection);
    this.#entries.clear();
  }
}

const aliveStatuses: readonly string[] = [
  ConnectionStatuses.NONE,
  ConnectionStatuses.CONNECTING,
  ConnectionStatuses.AUTHENTICATING,
  ConnectionStatuses.REAUTHENTICATING,
  ConnectionStatuses.CONNECTED,
];

function isAlive(connection: Connection): boolean {
  return aliveStatuses.includes(connection.status);
}

/** Closes at once: a graceful end would wait for a peer that may never read again. */
function destroy(connection: Connection): void {
  connection.close().catch(() => {});
  connection.socket?.destroy();
}
