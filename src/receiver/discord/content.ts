/** The line above the embeds: what a phone's notification shows. Only a rule that says that it is critical has it. */
import type { Notification } from '../../alarm/notification.ts';
import { severityAt } from '../../rule/rule-level.ts';
import { headlineOf, namesGroup } from '../sentence.ts';
import { looks } from './embed.ts';
import { untrusted } from './text.ts';

const nameCodePointsMax = 120;
const tagCodePointsMax = 40;
const tagsNamedMax = 3;

/** E.g. `cpu-usage is 95, above 90 (host web-1)`, of the first that fires, and how many more the message carries. */
export function contentOf(notifications: readonly Notification[]): string | undefined {
  const critical = notifications.filter(({ rule, level }) => severityAt(rule, level) === 'critical');
  const first = critical.find(({ kind }) => looks[kind].isEnd !== true) ?? critical[0];
  if (first === undefined) return undefined;
  const tags = namesGroup(first) ? {} : first.series.tags;
  const pairs = Object.entries(tags)
    .slice(0, tagsNamedMax)
    .map((pair) => pair.map((text) => untrusted(text, tagCodePointsMax)).join(' '));
  const where = pairs.length === 0 ? '' : ` (${pairs.join(', ')})`;
  const more = notifications.length > 1 ? `, and ${notifications.length - 1} more` : '';
  return `${headlineOf(first, {
    metric: (text) => untrusted(text, nameCodePointsMax),
    tag: (text) => untrusted(text, tagCodePointsMax),
  })}${where}${more}`;
}
