// Who may be connected. A connection is open to anybody who reaches the port, before any token is seen, so nobody may keep
// others out by opening many:
//
//   waiting   nothing was sent yet, a head or a body is half there, or it is kept for a further request
//   busy      a whole request came, and its answer is under way
//
// A new connection is always accepted. When its address, or all together, have too many, the one that has waited longest is
// ended: an honest client sends its request in milliseconds. When none waits, the new one is `surplus`: it is answered once,
// health as it is and everything else with 503.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  readonly perAddressMax: number;
  readonly totalMax: number;
}

/** The connections of one address. */
interface Peer {
  readonly address: string;
  /** Those that wait, the longest waiting first. */
  readonly waiting: Set<Connection>;
  count: number;
}

interface Connection {
  readonly socket: Socket;
  readonly peer: Peer;
  /** Requests whose answers are under way. */
  busy: number;
  isSurplus: boolean;
  isGone: boolean;
}

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #peers = new Map<string, Peer>();
  readonly #connections = new WeakMap<Socket, Connection>();
  /** Those of all addresses that wait, the longest waiting first. */
  readonly #waiting = new Set<Connection>();
  #count = 0;
  #ended = 0;

  constructor(server: Server, connectionLimits: ConnectionLimits) {
    this.#limits = connectionLimits;
    server.on('connection', (socket: Socket) => this.#open(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#take(request, response));
  }

  get count(): number {
    return this.#count;
  }

  /** How many were ended so far to make room. */
  get ended(): number {
    return this.#ended;
  }

  /** Whether the request came over a connection beyond the limits, which ends with its answer. */
  isSurplus(request: IncomingMessage): boolean {
    return this.#connections.get(request.socket)?.isSurplus === true;
  }

  /** Ends the connections on which nothing was sent, which Node counts as busy: clients open them in advance. */
  endUnused(): void {
    for (const { socket } of this.#waiting) if (socket.bytesRead === 0) socket.destroy();
  }

  #open(socket: Socket): void {
    const peer = this.#peerOf(socket.remoteAddress ?? '');
    const connection: Connection = { socket, peer, busy: 0, isSurplus: false, isGone: false };
    this.#connections.set(socket, connection);
    this.#count++;
    peer.count++;
    socket.once('close', () => this.#forget(connection));
    if (peer.count > this.#limits.perAddressMax) this.#makeRoom(peer.waiting, connection);
    else if (this.#count > this.#limits.totalMax) this.#makeRoom(this.#waiting, connection);
    this.#wait(connection);
  }

  #peerOf(address: string): Peer {
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    const peer: Peer = { address, waiting: new Set(), count: 0 };
    this.#peers.set(address, peer);
    return peer;
  }

  #makeRoom(waiting: ReadonlySet<Connection>, newcomer: Connection): void {
    const [longest] = waiting;
    if (longest === undefined) {
      newcomer.isSurplus = true;
      return;
    }
    this.#ended++;
    this.#forget(longest);
    longest.socket.destroy();
  }

  /** It counts no more, though its socket may close later. */
  #forget(connection: Connection): void {
    if (connection.isGone) return;
    connection.isGone = true;
    this.#leave(connection);
    this.#count--;
    const { peer } = connection;
    if (--peer.count === 0) this.#peers.delete(peer.address);
  }

  #wait(connection: Connection): void {
    if (connection.isGone) return;
    connection.peer.waiting.add(connection);
    this.#waiting.add(connection);
  }

  #leave(connection: Connection): void {
    connection.peer.waiting.delete(connection);
    this.#waiting.delete(connection);
  }

  /** A request whose body is still to come waits, and begins to be busy when the body is whole. */
  #take(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return;
    let isBusy = false;
    let isOver = false;
    const begin = (): void => {
      if (isBusy || isOver) return;
      isBusy = true;
      connection.busy++;
      this.#leave(connection);
    };
    response.once('close', () => {
      isOver = true;
      if (isBusy && --connection.busy === 0) this.#wait(connection);
    });
    if (hasBody(request)) request.once('end', begin);
    else begin();
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
