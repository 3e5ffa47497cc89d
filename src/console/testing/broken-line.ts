import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export interface BrokenLine {
  readonly url: string;
  /** Closes all connections, and accepts none until `mend`. */
  cut(): void;
  mend(): Promise<void>;
  /** From now on every answer breaks off in its body, as when a server dies while answering. */
  breakOff(): void;
  close(): void;
}

/** A proxy whose connection can be cut: for its clients that is a killed server. */
export async function lineTo(serverUrl: string): Promise<BrokenLine> {
  const target = Number(new URL(serverUrl).port);
  const sockets = new Set<Socket>();
  let isBreaking = false;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    near
      .pipe(far)
      .pipe(halved(() => isBreaking))
      .pipe(near);
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
  const breakOff = (): void => {
    isBreaking = true;
  };
  return { url: `http://127.0.0.1:${port}`, cut, mend: () => listen(port), breakOff, close: cut };
}

/** Forwards the head of an answer, and half of each piece of its body. */
function halved(isOn: () => boolean): Transform {
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      if (!isOn()) {
        done(null, bytes);
        return;
      }
      const head = bytes.subarray(0, 5).toString() === 'HTTP/' ? bytes.indexOf('\r\n\r\n') + 4 : 0;
      this.push(bytes.subarray(0, head + Math.floor((bytes.length - head) / 2)));
      if (bytes.length > head) this.push(null);
      done();
    },
  });
}
