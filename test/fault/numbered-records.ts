// Records of which each one's number says what is in it, so that whatever is read can be told from what was written.
import { createHash } from 'node:crypto';
import type { TopicSettings } from '../../src/log/log.ts';

export const topic: TopicSettings = { name: 'numbered', partitions: 1, cleanup: 'delete' };

/** Of some hundred bytes, no two alike. */
export function bodyOf(number: number): string {
  const hash = createHash('sha512').update(String(number)).digest('hex');
  return JSON.stringify({ number, filling: hash.repeat(1 + (number % 7)) });
}
