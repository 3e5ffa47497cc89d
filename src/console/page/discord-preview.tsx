// The message as Discord would show it, made by the very module that makes what is sent.
import type { Notification } from '../../alarm/notification.ts';
import { noTags } from '../../metric/sample.ts';
import { embedOf, type Embed } from '../../notice/embed.ts';
import type { Rule } from '../../rule/rule.ts';
import { nowMs } from './live.ts';

const someId = '00000000-0000-4000-8000-000000000000';

/** What the first alarm of this rule would say, its value somewhat beyond the threshold. */
function exampleOf(rule: Partial<Rule>): Notification {
  const threshold = rule.threshold ?? 0;
  const operator = rule.operator ?? '>';
  const step = Math.abs(threshold) >= 100 ? Math.ceil(Math.abs(threshold) / 60) : 1;
  const sample = { partition: 0, offset: 0, timestampMs: nowMs.value };
  return {
    id: someId,
    kind: 'fired',
    alarmId: someId,
    ruleId: rule.id ?? someId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: rule.metric_name || 'a-metric', tags: rule.tags ?? noTags },
    x: operator === '>' ? threshold + step : threshold - step,
    operator,
    threshold,
    resolveThreshold: rule.resolve_threshold === threshold ? undefined : rule.resolve_threshold,
    windowSeconds: rule.type === 'window_average' ? (rule.window_duration_seconds ?? 60) : undefined,
    noDataSeconds: undefined,
    cause: 'breach',
    description: rule.description,
    timeMs: nowMs.value,
    sinceMs: nowMs.value,
    sample,
    owed: false,
  };
}

export function DiscordPreview({ rule }: { readonly rule: Partial<Rule> }) {
  const embed = embedOf(exampleOf(rule));
  return (
    <div class="discord" role="img" aria-label={`A Discord message: ${embed.title}. ${embed.description}`}>
      <span class="discord-face" aria-hidden="true" />
      <div class="discord-body">
        <p class="discord-author">
          SSRMS <span>APP</span>
          <small>Today</small>
        </p>
        <EmbedCard embed={embed} />
      </div>
    </div>
  );
}

function EmbedCard({ embed }: { readonly embed: Embed }) {
  return (
    <div class="embed">
      <p class="embed-title">{embed.title}</p>
      <p>
        <Marked text={embed.description} />
      </p>
      {embed.fields.map((field) => (
        <div key={field.name} class="embed-field">
          <b>{field.name}</b>
          <span>
            <Marked text={field.value} />
          </span>
        </div>
      ))}
    </div>
  );
}

/** The one piece of Discord's markdown that our messages use: text between backticks is code. */
function Marked({ text }: { readonly text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>;
}
