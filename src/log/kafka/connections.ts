// The sockets to the brokers. A broker answers one request of a connection at a time, so that a long poll, or a group that
// waits for its members, delays all requests behind it: each purpose has a connection of its own.
import { Connection, ConnectionStatuses, type ConnectionOptions } from '@platformatic/kafka';
import { LogUnavailable } from '../log.ts';
import { reasonOf } from './protocol.ts';

/** How to connect to a secured cluster: the library's own options. */
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

/** What a connection is for, and how long its answers may take before the connection counts as dead. */
export interface ConnectionPurpose {
  readonly name: string;
  readonly answerTimeoutMs: number;
}

export const connectTimeoutMs = 5_000;
/** Callers bound their requests in flight; the library's own limit must not be reached. */
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

  /** The open connection to an address for this purpose, opened when there is none. Rejects with LogUnavailable. */
  async open(address: Address, purpose: ConnectionPurpose): Promise<Connection> {
    if (this.#closed) throw new LogUnavailable('the log is closed');
    const key = `${purpose.name} ${address.host}:${address.port}`;
    let entry = this.#entries.get(key);
    if (!entry || !isAlive(entry.connection)) {
      entry = this.#connect(key, address, purpose);
      this.#entries.set(key, entry);
    }
    await entry.opening;
    return entry.connection;
  }

  #connect(key: string, address: Address, purpose: ConnectionPurpose): Entry {
    const connection = new Connection(this.clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: purpose.answerTimeoutMs,
      maxInflights: inFlightMax,
      ...(this.security.tls && { tls: this.security.tls }),
      ...(this.security.sasl && { sasl: this.security.sasl }),
    });
    const forget = () => {
      if (this.#entries.get(key)?.connection === connection) this.#entries.delete(key);
    };
    // Errors reach the caller by its request; without a listener an error event would end the process.
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

  /** Closes the connections of one purpose, including those with requests in flight. */
  closePurpose(name: string): void {
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
