// Metrics of which a test knows each sample, each with one plain rule: for faults after which no oracle can say all.
import { randomUUID } from 'node:crypto';
import type { Place } from '../../src/log/log.ts';
import { seenNotification } from '../support/oracle/seen.ts';
import type { OracleNotification } from '../support/oracle/oracle.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { readRecords } from './evidence.ts';
import type { Fleet } from './fleet.ts';

/** Enough for most partitions to have one. */
const probesCount = 40;
/** A rule is in force within a second. */
const inForceMs = 1_500;
const threshold = 50;
export const calm = 1;
export const high = 100;

export class Probes {
  readonly #fleet: Fleet;
  readonly #metrics = Array.from({ length: probesCount }, (_, index) => `probe-${randomUUID().slice(0, 8)}-${index}`);

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** `fields` are more of each rule. */
  async begin(fields: Partial<OracleRule> = {}): Promise<void> {
    const { url } = this.#fleet.fake.addWebhook();
    const rules = this.#metrics.map((metric) => {
      return { id: randomUUID(), metric_name: metric, threshold, discord_webhook_url: url, ...fields };
    });
    const records = rules.map((rule) => {
      return { key: Buffer.from(rule.id), value: Buffer.from(JSON.stringify(rule)), timestampMs: Date.now() };
    });
    await this.#fleet.log.append('rules', records);
    await new Promise((resolve) => setTimeout(resolve, inForceMs));
  }

  /** One sample of each; resolves to their places. */
  write(value: number): Promise<Place[]> {
    const records = this.#metrics.map((metric) => {
      return { key: Buffer.from(metric), value: Buffer.from(JSON.stringify({ value })), timestampMs: Date.now() };
    });
    return this.#fleet.log.append('metrics', records);
  }

  /** What was notified because of samples from a time on. */
  async notified(sinceMs: number): Promise<OracleNotification[]> {
    const partitions = await this.#fleet.log.partitionCount('notifications');
    const found: OracleNotification[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      for (const { value } of await readRecords(this.#fleet.log, 'notifications', partition)) {
        const notification = seenNotification(value!);
        const isOurs = this.#metrics.some((metric) => notification.series === JSON.stringify([metric]));
        if (isOurs && notification.at.timestampMs >= sinceMs) found.push(notification);
      }
    }
    return found;
  }

  /** Resolves when each has been notified once because of samples from a time on; rejects when that does not come. */
  async untilAllNotified(sinceMs: number, timeoutMs = 20_000): Promise<void> {
    const seriesNotified = async () => new Set((await this.notified(sinceMs)).map(({ series }) => series)).size;
    let count = 0;
    await this.#fleet
      .until('', async () => (count = await seriesNotified()) === probesCount, timeoutMs)
      .catch(() => {
        throw new Error(`only ${count} of ${probesCount} new alarms were notified`);
      });
  }
}
