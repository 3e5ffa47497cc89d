// The message as Discord would show it, made by the module that makes the sent one: the same words, truncated at the same places.
import * as css from './discord-preview.module.css';
import { computed, useSignal } from '@preact/signals';
import type { Notification } from '../../../alarm/notification.ts';
import { groupSubject } from '../../../metric/subject.ts';
import { exampleTags } from '../../../rule/matcher.ts';
import { contentOf } from '../../../receiver/discord/content.ts';
import { codePoints } from '../../../receiver/discord/text.ts';
import { embedCodePoints, embedOf, type Embed } from '../../../receiver/discord/embed.ts';
import { discordLimits } from '../../../receiver/discord/limits.ts';
import { needsParameter } from '../../../measure/measures.ts';
import { comparisons } from '../../../rule/comparison.ts';
import { publicRule, ruleDefaults } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { nowMs, status } from '../state/live.ts';
import { agoText, grouped, momentText } from '../words/time-text.ts';
import { messageKindWords } from '../words/message-kinds.ts';
import { thresholdAt } from '../../../rule/rule-level.ts';

const someId = '00000000-0000-4000-8000-000000000000';
/** The address that messages link to. */
const consoleUrl = computed(() => status.value?.console_url ?? undefined);
const lastedMs = 4 * 60_000;

type Kind = Notification['kind'];

/** Whether the rule fires without data alone. */
function isOfAbsence(rule: Partial<Rule>): boolean {
  return thresholdAt(rule) === undefined && rule.no_data_seconds !== undefined;
}

/** The messages that this rule can send. */
function kindsOf(rule: Partial<Rule>): Kind[] {
  return [
    ...(isOfAbsence(rule) ? [] : ['fired' as const]),
    ...(rule.no_data_seconds === undefined ? [] : ['no_data' as const]),
    ...(rule.remind_seconds === undefined ? [] : ['reminder' as const]),
    ...(rule.notify_on_resolve === true ? ['resolved' as const] : []),
  ];
}

/** The first alarm of this rule, with a value somewhat over the threshold. */
function exampleOf(rule: Partial<Rule>, kind: Kind): Notification {
  const isAbsence = isOfAbsence(rule);
  const threshold = thresholdAt(rule) ?? 0;
  const operator = rule.operator ?? ruleDefaults.operator;
  const { past } = comparisons[operator];
  const size = Math.abs(threshold);
  const step = size >= 100 ? Math.ceil(size / 60) : size < 1 ? size * 0.44 || 1 : 1;
  const timeMs = nowMs.value;
  const inside = rule.resolve_threshold ?? threshold;
  // A minute, and the median, until they are typed.
  const window = {
    ...(needsParameter(rule.type, 'window_duration_seconds') && { window_duration_seconds: 60 }),
    ...(needsParameter(rule.type, 'percentile') && { percentile: 50 }),
  };
  return {
    id: someId,
    kind,
    alarmId: someId,
    ruleId: rule.id ?? someId,
    ruleVersion: { partition: 0, offset: 0 },
    rule: publicRule({
      metric_name: 'a-metric',
      ...(!isAbsence && rule.levels === undefined && { threshold }),
      ...window,
      ...rule,
      id: rule.id ?? someId,
    }),
    ...subjectOf(rule),
    x: kind === 'no_data' || isAbsence ? undefined : kind === 'resolved' ? past(inside, -step) : past(threshold, step),
    cause: kind === 'no_data' || isAbsence ? 'no_data' : 'breach',
    ...(rule.levels !== undefined && kind !== 'no_data' && { level: 1 }),
    timeMs,
    sinceMs: kind === 'resolved' ? timeMs - lastedMs : timeMs,
    sample: { partition: 0, offset: 0, timestampMs: timeMs },
    message: true,
    deferred: false,
    isPast: false,
  };
}

/** A series, or a group with what a ratio of it is of. */
function subjectOf(rule: Partial<Rule>): Pick<Notification, 'series' | 'members'> {
  const { metric_name: name = 'a-metric', group_by: by, divide_by: second } = rule;
  const tags = exampleTags(rule.tags ?? {});
  if (by === undefined) return { series: { name: name || 'a-metric', tags } };
  const group = Object.fromEntries(by.map((key) => [key, tags[key] ?? `some ${key}`]));
  return {
    series: groupSubject(name || 'a-metric', group),
    ...(second !== undefined && {
      members: { first: [], total: 1, divisor: Math.ceil((second.min_value ?? 100) * 4.12) },
    }),
  };
}

export function DiscordPreview({ rule }: { readonly rule: Partial<Rule> }) {
  const wanted = useSignal<Kind>('fired');
  const kinds = kindsOf(rule);
  const kind = kinds.includes(wanted.value) ? wanted.value : kinds[0]!;
  const example = exampleOf(rule, kind);
  const embed = embedOf(example, { consoleUrl: consoleUrl.value });
  const content = contentOf([example]);
  return (
    <>
      {kinds.length > 1 && (
        <fieldset class="ranges">
          <legend class="visually-hidden">Message</legend>
          {kinds.map((each) => (
            <label key={each}>
              <input type="radio" name="message" checked={each === kind} onChange={() => (wanted.value = each)} />
              <span>{messageKindWords[each]}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div class={css.discord} role="img" aria-label={`A Discord message: ${embed.title}. ${embed.description}`}>
        <span class={css.discordFace} aria-hidden="true" />
        <div class={css.discordBody}>
          <p class={css.discordAuthor}>
            SSRMS <span>APP</span>
            <small>Today</small>
          </p>
          {content !== undefined && (
            <p>
              <Marked text={content} />
            </p>
          )}
          <EmbedCard embed={embed} />
        </div>
      </div>
      <Counters embed={embed} />
    </>
  );
}

function EmbedCard({ embed }: { readonly embed: Embed }) {
  return (
    <div
      class={css.embed}
      data-part="embed"
      style={{ borderInlineStartColor: `#${embed.color.toString(16).padStart(6, '0')}` }}
    >
      <p class={css.embedTitle} data-part="embed-title">
        {embed.title}
      </p>
      <p class="embed-description">
        <Marked text={embed.description} />
      </p>
      {embed.fields.map((field) => (
        <div key={field.name} class={css.embedField} data-part="embed-field">
          <b>{field.name}</b>
          <span>
            <Marked text={field.value} />
          </span>
        </div>
      ))}
      {embed.footer !== undefined && <p class={css.embedFooter}>{embed.footer.text}</p>}
    </div>
  );
}

/** How much of Discord's limits each part uses, counted as Discord does. Longer texts were truncated already. */
function Counters({ embed }: { readonly embed: Embed }) {
  const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(codePoints));
  const counts: [name: string, count: number, most: number][] = [
    ['Title', codePoints(embed.title), discordLimits.title],
    ['Description', codePoints(embed.description), discordLimits.description],
    ['Longest field name', longest(embed.fields.map(({ name }) => name)), discordLimits.fieldName],
    ['Longest field', longest(embed.fields.map(({ value }) => value)), discordLimits.fieldValue],
    ['Total', embedCodePoints(embed), discordLimits.embedsTotal],
  ];
  return (
    <dl class={css.discordCounts} data-part="discord-counts">
      {counts.map(([name, count, most]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {grouped(count)} of {grouped(most)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The two pieces of Discord's markdown that our messages use: text between backticks is code, and `<t:…>` is a time. */
function Marked({ text }: { readonly text: string }) {
  return (
    <>
      {text
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : <Times key={index} text={part} />))}
    </>
  );
}

function Times({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(/(<t:-?\d+:[FR]>)/).map((part, index) => {
        const [, seconds, style] = /^<t:(-?\d+):([FR])>$/.exec(part) ?? [];
        if (seconds === undefined) return part;
        const ms = Number(seconds) * 1_000;
        return (
          <span key={index} class={css.embedTime}>
            {style === 'R' ? agoText(nowMs.value - ms) : momentText(ms)}
          </span>
        );
      })}
    </>
  );
}
