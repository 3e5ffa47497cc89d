// A file of rules as YAML, with the alert that each came from in a comment.
import { Document, isMap, isSeq, type YAMLMap } from 'yaml';
import type { Translated, Translating } from './translate.ts';
import type { NotTranslated, TranslatedFile } from './translate-files.ts';

const lineWidth = 120;

export function writeRuleFile(file: TranslatedFile, options: Translating): string {
  const document = new Document({ rules: file.translated.map(({ rule }) => rule) });
  document.commentBefore = headOf(file, options);
  const rules = document.get('rules');
  if (isSeq(rules))
    rules.items.forEach((item, index) => {
      if (!isMap(item)) return;
      item.commentBefore = commentOf(file.translated[index]!);
      item.spaceBefore = index > 0;
      for (const field of flowFields) flow(item, field);
    });
  if (file.refused.length > 0) document.comment = refusedText(file.refused);
  return document.toString({ lineWidth, flowCollectionPadding: false });
}

/** Short ones, in one line. */
const flowFields = ['notify', 'group_by', 'aggregate_where'];

function flow(item: YAMLMap, field: string): void {
  const node: unknown = item.get(field, true);
  if (isMap(node) || isSeq(node)) node.flow = true;
}

function headOf({ path }: TranslatedFile, { scrapeIntervalMs, isPushed, receiver }: Translating): string {
  const how = isPushed ? 'samples that are pushed' : `samples that are scraped every ${scrapeIntervalMs / 1_000} s`;
  return comment([
    `Translated from ${path} by ssrms rules import prometheus, for ${how}.`,
    ...(receiver === undefined ? ['Each rule still needs a receiver: notify: [NAME] or discord_webhook_url.'] : []),
  ]);
}

function commentOf({ alerts, notes }: Translated): string {
  return comment([
    ...alerts.flatMap((alert) => [...exprLines(alert.expr), ...(alert.for === undefined ? [] : [`for: ${alert.for}`])]),
    ...notes.map((note) => `Note: ${note}`),
  ]);
}

/** As it would stand in YAML. */
function exprLines(expr: string): string[] {
  const lines = expr.trim().split('\n');
  return lines.length === 1 ? [`expr: ${lines[0]}`] : ['expr: |', ...lines.map((line) => `  ${line}`)];
}

function refusedText(refused: readonly NotTranslated[]): string {
  return comment([
    'Not translated:',
    ...refused.flatMap(({ name, reason, place, expr }) => [
      '',
      `${name}: ${reason}${place === '' ? '' : ` (${place})`}`,
      ...(expr === undefined ? [] : exprLines(expr).map((line) => `  ${line}`)),
    ]),
  ]);
}

/** Lines of a comment, without what would end it. */
function comment(lines: readonly string[]): string {
  return lines
    .flatMap((line) => line.split(/[\n\r\u0085\u2028\u2029]/))
    .map((line) => ` ${line.trimEnd()}`.trimEnd())
    .join('\n');
}
