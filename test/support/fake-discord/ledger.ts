import { shownEmbeds, type AllowedMentions, type MessagePayload } from './payload-validation.ts';

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

/** A line of a list of alarms, or of a message in plain text. */
const alarmLine = /^(Alarm (?:triggered|resolved)): (.*), value (.*), threshold (\S+), rule (\S+)$/;

/** The alarms that a message tells of: as embeds, as lines of a list in an embed, or as lines of its text. */
export function alarmsOf(payload: MessagePayload): LedgerAlarm[] {
  const fromEmbeds = shownEmbeds(payload).flatMap((embed): LedgerAlarm[] => {
    const footer = embed.footer?.text ?? '';
    const listed = linesOf(embed.description ?? '', footer);
    if (listed.length > 0) return listed;
    const field = (name: string) => embed.fields?.find((each) => each.name === name)?.value ?? '';
    return [
      {
        title: embed.title ?? '',
        ruleId: field('Rule id'),
        metricName: field('Metric name'),
        value: field('Metric value'),
        threshold: field('Rule threshold'),
        footer,
      },
    ];
  });
  const content = typeof payload.content === 'string' ? payload.content : '';
  // Plain text has no footer: its remarks stand in a line of their own.
  return [...fromEmbeds, ...linesOf(content, content.startsWith('(') ? (content.split('\n')[0] ?? '') : '')];
}

function linesOf(text: string, footer: string): LedgerAlarm[] {
  return text.split('\n').flatMap((line) => {
    const [, title, metricName, value, threshold, ruleId] = alarmLine.exec(line) ?? [];
    return title === undefined ? [] : [{ title, ruleId, metricName, value, threshold, footer } as LedgerAlarm];
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
