import type { NewRecord } from '../../src/log/record.ts';
import { metricName } from './metric-name.ts';

/** A rule on one metric, as a record of `rules`: it fires when the value crosses 90. */
export function ruleRecord(index: number, changes: Readonly<Record<string, unknown>> = {}): NewRecord {
  const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  const url = `https://discord.com/api/webhooks/123456789012345678/${'a'.repeat(68)}`;
  const rule = { id, metric_name: metricName(index), threshold: 90, discord_webhook_url: url, ...changes };
  return { key: Buffer.from(id), value: Buffer.from(JSON.stringify(rule)), timestampMs: Date.now() };
}
