// The broker's own process and folder, for what kafka-broker.ts does not do: a clean end that keeps the data, and a look at
// the files.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from '../support/kafka/kafka-broker.ts';

interface BrokerProcess {
  readonly pid: number;
  readonly folder: string;
}

function readProcess(name: string, file: string): string {
  try {
    return readFileSync(join('/proc', name, file), 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

/** The one broker that this test process has started. */
export function brokerProcess(): BrokerProcess {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const args = readProcess(name, 'cmdline').split('\0');
    const isOurs = readProcess(name, 'status').includes(`PPid:\t${process.pid}\n`);
    const properties = args.find((arg) => arg.endsWith('server.properties'));
    if (isOurs && args.includes('kafka.Kafka') && properties !== undefined) {
      return { pid: Number(name), folder: dirname(properties) };
    }
  }
  throw new Error('no broker runs');
}

/** SIGTERM, so that it ends in order, and starts it again on the same data after `awayMs`. */
export async function restartInOrder(kafka: Kafka, awayMs: number): Promise<void> {
  const { pid } = brokerProcess();
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + 30_000;
  while (!/^State:\tZ/m.test(readProcess(String(pid), 'status')) && readProcess(String(pid), 'status') !== '') {
    if (performance.now() > deadline) throw new Error('the broker does not end');
    await sleep(50);
  }
  await sleep(awayMs);
  await kafka.restart();
}

/** The files of a partition's log, the oldest first. */
export function segmentsOf(folder: string, topic: string, partition: number): string[] {
  const place = join(folder, 'data', `${topic}-${partition}`);
  return readdirSync(place)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(place, name));
}
