/**
 * Where connections come in, before any TLS or HTTP: so that they can be refused, reset, or taken and never answered, as a
 * network does it. What is let in goes to the HTTP server behind, which listens nowhere itself.
 */
import type { Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * `refused`: nobody listens. `stalled`: taken, and nothing more ever comes, no TLS handshake either. `reset` and `closed`:
 * ended as soon as it stands, by RST or FIN.
 */
export const doorModes = ['open', 'refused', 'stalled', 'reset', 'closed'] as const;
export type DoorMode = (typeof doorModes)[number];

export class Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #host: string;
  #mode: DoorMode = 'open';
  #port = 0;
  #connections = 0;

  constructor(behind: HttpServer, host: string) {
    this.#host = host;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#connections += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      // Whoever ends a connection badly is the subject of a test, not a fault of the fake.
      socket.on('error', () => socket.destroy());
      if (this.#mode === 'open') behind.emit('connection', socket);
      else if (this.#mode === 'reset') socket.resetAndDestroy();
      else if (this.#mode === 'closed') socket.destroy();
    });
  }

  /** 0 takes a port that is free. */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.#host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get port(): number {
    return this.#port;
  }

  /** How many connections were made, let in or not. */
  get connections(): number {
    return this.#connections;
  }

  /** What connections meet from now on. Other than open, those that stand are cut. */
  async set(mode: DoorMode): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (mode !== 'open') this.#cut();
    if (mode === 'refused' && before !== 'refused') await this.#stop();
    if (mode !== 'refused' && before === 'refused') await this.listen(this.#port);
  }

  async close(): Promise<void> {
    this.#cut();
    if (this.#server.listening) await this.#stop();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
