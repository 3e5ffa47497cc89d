/** Brings an answer to the client, or to grief on the way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { Answer } from './answer.ts';
import type { Fault } from './fault.ts';

const slowByteMs = 100;
const hugeBodyBytes = 64 * 1_024 * 1_024;
/** Packed it has 55 kB, and so passes a reader that takes 64 KiB and no more. */
const bombBytes = 12 * 1_024 * 1_024;
const hugeHeaderBytes = 40 * 1_024;

/** Made once: nobody else is answered meanwhile. */
let bomb: Buffer | undefined;
const makeBomb = (): Buffer => gzipSync(Buffer.alloc(bombBytes, 0x20), { level: 1 });

/** Sends the answer as it is. Resolves to the status sent. */
export function send(response: ServerResponse, answer: Answer): number {
  if (response.destroyed) return 0;
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) });
  response.end(answer.body);
  return answer.status;
}

/** Ends a request that is not accepted and gets no answer. Whether the fault is of that kind. */
export function dropUnanswered(request: IncomingMessage, fault: Fault): boolean {
  switch (fault.kind) {
    case 'timeout':
      return true;
    case 'reset':
    case 'reset_reused':
      reset(request.socket);
      return true;
    case 'close_reused':
    case 'close':
      request.socket.destroy();
      return true;
    default:
      return false;
  }
}

/**
 * Sends the answer to an accepted message in the way that the fault spoils. Resolves, when nothing more will be sent, to the
 * status that the client got, 0 for none.
 */
export async function sendSpoiled(response: ServerResponse, answer: Answer, fault: Fault): Promise<number> {
  const { socket } = response;
  switch (fault.kind) {
    case 'accepted_timeout':
      return 0;
    case 'accepted_reset':
      if (socket) reset(socket);
      return 0;
    case 'accepted_close':
      socket?.destroy();
      return 0;
    case 'accepted_stalled_headers':
      socket?.write('HTTP/1.1 200 OK\r\ncontent-type: appl');
      return 0;
    case 'accepted_500':
      return send(response, {
        ...answer,
        status: 500,
        body: JSON.stringify({ message: '500: Internal Server Error', code: 0 }),
      });
    case 'accepted_huge_headers':
      return send(response, { ...answer, headers: { ...answer.headers, 'x-padding': 'x'.repeat(hugeHeaderBytes) } });
    case 'accepted_cut_body':
      response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) + 10 });
      response.write(answer.body.slice(0, 20), () => socket?.destroy());
      return answer.status;
    case 'accepted_slow_body':
      response.writeHead(answer.status, answer.headers);
      for (const byte of Buffer.from(answer.body)) {
        if (response.destroyed) break;
        response.write(Uint8Array.of(byte));
        await sleep(slowByteMs);
      }
      response.end();
      return answer.status;
    case 'accepted_gzip_bomb': {
      const headers = { ...answer.headers, 'content-encoding': 'gzip' };
      response.writeHead(answer.status, headers).end((bomb ??= makeBomb()));
      return answer.status;
    }
    case 'accepted_huge_body':
      await sendHuge(response, answer);
      return answer.status;
    default:
      return send(response, answer);
  }
}

/** An RST. Under TLS a socket can only be cut, which the client sees as much the same. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

async function sendHuge(response: ServerResponse, answer: Answer): Promise<void> {
  response.writeHead(answer.status, answer.headers);
  const block = Buffer.alloc(65_536, 0x20);
  for (let sent = 0; sent < hugeBodyBytes && !response.destroyed; sent += block.length) {
    if (response.write(block)) continue;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        response.off('drain', goOn).off('close', goOn);
        resolve();
      };
      response.on('drain', goOn).on('close', goOn);
    });
  }
  response.end();
}
