import type { AllowedMentions, MessagePayload } from './payload-validation.ts';

/** An alarm as a message shows it. */
export interface LedgerAlarm {
  readonly title: string;
  readonly ruleId: string;
  readonly metricName: string;
  readonly value: string;
  readonly threshold: string;
  readonly footer: string;
}

/** One request to a webhook, whatever became of it. */
export interface LedgerEntry {
  /** From 1. */
  readonly request: number;
  readonly atMs: number;
  readonly method: string;
  readonly webhookId: string;
  readonly outcome: 'accepted' | 'refused' | 'limited' | 'banned' | 'failed' | 'lost' | 'read';
  /** What was answered; 0 when there was no status. */
  readonly status: number;
  /** Discord's own code of a refusal, or 0. */
  readonly code: number;
  /** The kind of the fault it met, or empty. */
  readonly fault: string;
  readonly messageId: string;
  readonly alarms: readonly LedgerAlarm[];
  readonly content: string;
  /** Whom the message would have pinged. */
  readonly pings: readonly string[];
  /** Whether earlier answers had said that the bucket is empty, or to wait. */
  readonly whileEmpty: boolean;
  /** Whether another request to the same webhook was under way. */
  readonly overlapped: boolean;
}

export interface LedgerSummary {
  readonly requests: number;
  readonly accepted: number;
  readonly alarms: number;
  readonly limited: number;
  readonly whileEmpty: number;
  readonly overlapped: number;
  readonly pings: number;
  /** Answers that count towards a ban. */
  readonly invalid: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

export class Ledger {
  readonly entries: LedgerEntry[] = [];

  add(entry: LedgerEntry): void {
    this.entries.push(entry);
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** What was accepted, in order, of one webhook or of all. */
  accepted(webhookId?: string): LedgerEntry[] {
    return this.entries.filter(
      (entry) =>
        entry.outcome === 'accepted' &&
        entry.method === 'POST' &&
        (webhookId === undefined || entry.webhookId === webhookId),
    );
  }

  summary(invalid: number): LedgerSummary {
    const count = (isCounted: (entry: LedgerEntry) => boolean) => this.entries.filter(isCounted).length;
    const accepted = this.accepted();
    return {
      requests: this.entries.length,
      accepted: accepted.length,
      alarms: accepted.reduce((sum, entry) => sum + entry.alarms.length, 0),
      limited: count((entry) => entry.outcome === 'limited'),
      whileEmpty: count((entry) => entry.whileEmpty),
      overlapped: count((entry) => entry.overlapped),
      pings: this.entries.reduce((sum, entry) => sum + entry.pings.length, 0),
      invalid,
      byStatus: Object.fromEntries(
        [...Map.groupBy(this.entries, (entry) => String(entry.status))].map(([status, entries]) => [
          status,
          entries.length,
        ]),
      ),
    };
  }
}

/** The alarms that the embeds of a message tell of. */
export function alarmsOf(payload: MessagePayload): LedgerAlarm[] {
  return (payload.embeds ?? []).map((embed) => {
    const field = (name: string) => embed.fields?.find((each) => each.name === name)?.value ?? '';
    return {
      title: embed.title ?? '',
      ruleId: field('Rule id'),
      metricName: field('Metric name'),
      value: field('Metric value'),
      threshold: field('Rule threshold'),
      footer: embed.footer?.text ?? '',
    };
  });
}

/** Whom a message pings. Embeds never do. A webhook's default allows users. */
export function pingsOf(payload: MessagePayload): string[] {
  const content = payload.content ?? '';
  const allowed: AllowedMentions = payload.allowed_mentions ?? { parse: ['users'] };
  const parse = allowed.parse ?? [];
  const pings: string[] = [];
  if (parse.includes('everyone')) pings.push(...(content.match(/@(?:everyone|here)\b/g) ?? []));
  for (const [mention, mark, id] of content.matchAll(/<@([!&]?)(\d+)>/g)) {
    const kind = mark === '&' ? 'roles' : 'users';
    if (parse.includes(kind) || allowed[kind]?.includes(id as string)) pings.push(mention);
  }
  return pings;
}
