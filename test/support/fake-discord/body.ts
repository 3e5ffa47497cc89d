import type { IncomingMessage } from 'node:http';

const bodyBytesMax = 25 * 1_024 * 1_024;

/** The body as text; undefined when it is larger than Discord takes. Rejects when it was cut. */
export async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const blocks: Buffer[] = [];
  let length = 0;
  for await (const block of request as AsyncIterable<Buffer>) {
    length += block.length;
    if (length <= bodyBytesMax) blocks.push(block);
  }
  return length > bodyBytesMax ? undefined : Buffer.concat(blocks).toString('utf8');
}
