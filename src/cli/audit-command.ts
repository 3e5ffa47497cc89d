import type { Command } from 'commander';
import type { AuditEntry, AuditView } from '../wire/audit.ts';
import { addApiOptions, askApi, isJson } from './api.ts';
import { addExamples, type Example } from './examples.ts';
import { printTable, shown } from './table.ts';

const examples: readonly Example[] = [
  ['ssrms audit', 'the latest changes of rules and receivers'],
  ['ssrms audit --subject receiver:ops', 'who changed one receiver'],
  ['ssrms audit --author alice --from 2026-08-01T00:00:00Z --json', 'all that somebody changed, as JSON lines'],
];

interface Flags {
  readonly subject?: string;
  readonly author?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: string;
}

/** Adds `ssrms audit`. */
export function addAuditCommand(program: Command): void {
  const command = program
    .command('audit')
    .description('who changed which rule or receiver, newest first')
    .option('--subject <subject>', 'of one rule or receiver: rule:ID or receiver:NAME')
    .option('--author <name>', 'by the subject of a token')
    .option('--from <time>', 'since a time, such as 2026-08-06T12:00:00Z')
    .option('--to <time>', 'until a time')
    .option('--limit <number>', 'changes at the most', '100');
  addApiOptions(command).action(async () => {
    const entries = await readEntries(command, command.opts<Flags>());
    if (isJson(command)) for (const entry of entries) console.log(JSON.stringify(entry));
    else printTable([['TIME', 'AUTHOR', 'CHANGE', 'SUBJECT', 'FIELDS'], ...entries.map(rowOf)]);
  });
  addExamples(command, examples);
}

async function readEntries(command: Command, { limit, ...filter }: Flags): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  const max = Math.max(1, Math.floor(Number(limit)) || 1);
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(500, max - entries.length)) });
    for (const name of ['subject', 'author', 'from', 'to'] as const) {
      const value = filter[name];
      if (value !== undefined) query.set(name, value);
    }
    if (after !== undefined) query.set('after', after);
    const { body } = await askApi<AuditView>(command, { method: 'GET', path: `/api/v1/audit?${query.toString()}` });
    entries.push(...body.entries);
    after = body.next;
  } while (after !== undefined && entries.length < max);
  return entries;
}

function rowOf({ time_ms: timeMs, author, action, subject, before, after }: AuditEntry): string[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const changed = [...names].filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]));
  const fields = before === null || after === null ? '' : changed.join(', ');
  return [new Date(timeMs).toISOString(), shown(author), action, shown(subject), shown(fields)];
}
