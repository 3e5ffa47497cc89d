import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface BrokenLine {
  readonly url: string;
  /** Breaks all connections, and takes no more until `mend`. */
  cut(): void;
  mend(): Promise<void>;
  close(): void;
}

/** A line to a server that can be cut: to who is at its other end that is a server that was killed. */
export async function lineTo(serverUrl: string): Promise<BrokenLine> {
  const target = Number(new URL(serverUrl).port);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${port}`, cut, mend: () => listen(port), close: cut };
}
