// A member of a group as a process of its own, for tests that kill or stop it. Usage: node member.ts BOOTSTRAP TOPIC OUTPUT
// GROUP SESSION_TIMEOUT_MS. It copies each record of TOPIC to OUTPUT and commits, and tells what it does in JSON lines. At a
// record `pause` it waits, without returning to the event loop, until it finds that it was stopped and woke.
import { createLogger } from '../../../src/base/logger.ts';
import { recordsOf } from '../../../src/log/batch.ts';
import { openKafkaLog } from '../../../src/log/kafka/kafka-log.ts';
import type { Claim } from '../../../src/log/log.ts';

const [bootstrap = '', topic = '', output = '', group = '', sessionTimeoutMs = ''] = process.argv.slice(2);

export type MemberEvent =
  | { event: 'claimed'; partition: number; start: number }
  | { event: 'ended'; partition: number }
  | { event: 'pausing'; partition: number }
  | { event: 'woke'; held: boolean; append: string; commit: string };

const tell = (event: MemberEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** `beganMs` is from before anybody was told to stop us: the stop may come at once. */
function waitUntilWoken(beganMs: number): void {
  for (let lastMs = beganMs; ;) {
    const nowMs = performance.now();
    if (nowMs - lastMs > 1000) return;
    lastMs = nowMs;
  }
}

const nameOf = (outcome: PromiseSettledResult<unknown>) => {
  return outcome.status === 'fulfilled' ? 'done' : (outcome.reason as Error).name;
};

async function handle(claim: Claim): Promise<void> {
  const { partition, start } = claim;
  tell({ event: 'claimed', partition, start });
  try {
    for await (const chunk of claim.read(start)) {
      for (const { key, value, timestampMs } of recordsOf(chunk)) {
        if (value && Buffer.from(value).toString() === 'pause') {
          const beganMs = performance.now();
          tell({ event: 'pausing', partition });
          waitUntilWoken(beganMs);
          const held = claim.isHeld();
          const late = { key: Buffer.from('late'), value: Buffer.from('late'), timestampMs: Date.now() };
          const outcomes = await Promise.allSettled([claim.append(output, [late]), claim.commit(chunk.nextOffset)]);
          tell({ event: 'woke', held, append: nameOf(outcomes[0]), commit: nameOf(outcomes[1]) });
          continue;
        }
        await claim.append(output, [{ key: key ?? Buffer.alloc(0), value, timestampMs }]);
      }
      await claim.commit(chunk.nextOffset);
    }
  } finally {
    tell({ event: 'ended', partition });
  }
}

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const logger = createLogger('error', 'member');
const log = await openKafkaLog({ bootstrap, clientId: 'member', logger, sessionTimeoutMs: Number(sessionTimeoutMs) });
await log.process(topic, group, handle, stop.signal);
await log.close();
