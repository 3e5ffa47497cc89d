// The socket that records come in on. Node hands what it reads to a stream in buffers of their own, 64 KiB each, and at hundreds of
// megabytes a second the collector is kept busy by them alone: a third of all time, measured. So this socket reads into one
// buffer, again and again, which must be used up before the next read.
//
// With SASL the library opens the socket, since it proves who we are, and does so again from time to time: then we listen to its stream.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import { LogUnavailable } from '../log.ts';
import { connectTimeoutMs, type Address, type Connections, type ConnectionPurpose } from './connections.ts';
import { reasonOf } from './protocol.ts';

/** What a read of the socket may bring at once. */
const readBytesMax = 128 * 1024;

export interface FetchSocket {
  readonly socket: Socket;
  /** The next bytes, to be used up before the call returns. */
  onPiece: (piece: Buffer) => void;
  /** Hears what is not an answer of ours, but the library's; undefined on a socket of our own. */
  readonly passOn: ((frame: Buffer) => void) | undefined;
}

/** An open socket to a broker. Rejects with LogUnavailable. */
export async function openFetchSocket(
  connections: Connections,
  address: Address,
  purpose: ConnectionPurpose,
): Promise<FetchSocket> {
  return connections.security.sasl === undefined
    ? openOwn(connections, address)
    : tapLibrary(connections, address, purpose);
}

async function openOwn({ security }: Connections, { host, port }: Address): Promise<FetchSocket> {
  const buffer = Buffer.allocUnsafeSlow(readBytesMax);
  const callback = (length: number): boolean => {
    opened.onPiece(buffer.subarray(0, length));
    return true;
  };
  const options = { host, port, onread: { buffer, callback } };
  // Node's types know of `onread` for plain sockets alone.
  const tlsOptions: TlsOptions | undefined = security.tls && Object.assign({}, security.tls, options);
  const socket = tlsOptions ? connectTls(tlsOptions) : connectPlain(options);
  socket.setNoDelay(true);
  const opened: FetchSocket = { socket, onPiece: () => {}, passOn: undefined };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(() => socket.destroy(new Error('it took too long')), connectTimeoutMs);
  socket.once(security.tls ? 'secureConnect' : 'connect', resolve);
  // Errors reach the caller by its request, which fails at the close that follows.
  socket.on('error', reject);
  socket.once('close', () => reject(new Error('the connection was closed')));
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    throw new LogUnavailable(`cannot connect to ${host}:${port}: ${reasonOf(error)}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
  return opened;
}

async function tapLibrary(
  connections: Connections,
  address: Address,
  purpose: ConnectionPurpose,
): Promise<FetchSocket> {
  const { socket } = await connections.open(address, purpose);
  const listeners = socket.listeners('data') as ((piece: Buffer) => void)[];
  socket.removeAllListeners('data');
  socket.on('data', (piece: Buffer) => opened.onPiece(piece));
  const opened: FetchSocket = {
    socket,
    onPiece: () => {},
    passOn(frame) {
      for (const listener of listeners) listener.call(socket, frame);
    },
  };
  return opened;
}
