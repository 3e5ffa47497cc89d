import * as css from './alarm-screen.module.css';
import type { AlarmDetail, RecheckResult } from '../../../wire/alarms.ts';
import { useSignal } from '@preact/signals';
import { measures } from '../../../measure/measures.ts';
import { ruleDefaults } from '../../../rule/rule-fields.ts';
import type { ApiError } from '../state/api.ts';
import { AlarmWaterfall } from './alarm-waterfall.tsx';
import { Chart } from '../charts/chart.tsx';
import { fittedFromMs } from '../charts/chart-data.ts';
import { shownNumber } from '../charts/chart-points.ts';
import { linesOf, linesText } from '../charts/rule-lines.ts';
import { breachParts, comparedSentence, conditionSentence, silenceSentence } from '../words/condition-sentence.ts';
import { comparedOf, readAlarm, readSamples, recheckAlarm } from '../state/inspect.ts';
import { nowMs } from '../state/live.ts';
import { useQuery } from '../state/query.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { showError } from '../parts/notices.tsx';
import { addressOf } from '../state/router.ts';
import { RunbookLink, Sentence, SeverityMark, shownTags, StateMark, Tags } from '../parts/state-mark.tsx';
import { clockText, durationText, grouped, momentText } from '../words/time-text.ts';
import { severityAt, thresholdAt, thresholdsOf } from '../../../rule/rule-level.ts';

const everyMs = 2_000;
/** Older times are shown with their date. */
const todayMs = 12 * 3_600_000;

/** Unsent messages and firing alarms are still polled. */
function isFinal(alarm: AlarmDetail | undefined, failure: ApiError | undefined): boolean {
  if (failure?.status === 404) return true;
  return alarm?.state === 'ended' && alarm.notifications.every(({ outcome }) => outcome !== 'waiting');
}

/** One alarm: why it fired, its samples, and how long each stage took. The link in a message leads here. */
export function AlarmScreen({ id }: { readonly id: string }) {
  const { value: alarm, failure } = useQuery(
    (signal) => readAlarm(id, signal),
    { everyMs, isFinal, showsUnreachable: true },
    [id],
  );

  if (failure.value !== undefined && alarm.value === undefined) {
    const isMissing = failure.value.status === 404;
    return (
      <div class="empty">
        <h1 tabIndex={-1}>{isMissing ? 'Alarm not found' : 'The alarm cannot be read'}</h1>
        <p>{isMissing ? 'It may be too old to be kept.' : failure.value.message}</p>
        <a class="button" href={addressOf({ screen: 'now' })}>
          What is firing now
        </a>
      </div>
    );
  }
  if (alarm.value === undefined) {
    return (
      <div class={css.alarmPage}>
        <h1 tabIndex={-1}>Alarm</h1>
        <p class="hint">Loading…</p>
      </div>
    );
  }
  return <AlarmPage alarm={alarm.value} />;
}

function AlarmPage({ alarm }: { readonly alarm: AlarmDetail }) {
  const isFiring = alarm.state === 'firing';
  const shownState = isFiring ? (alarm.cause === 'no_data' ? 'no-data' : 'firing') : 'ended';
  return (
    <div class={css.alarmPage}>
      <p class="crumb">
        <a href={addressOf({ screen: 'now' })}>Now</a>
      </p>
      <div class="alarm-title">
        <StateMark state={shownState} />
        <h1 tabIndex={-1}>{alarm.metric_name}</h1>
        <SeverityMark severity={severityAt(alarm.rule ?? {}, alarm.level)} />
        <Tags tags={shownTags(alarm)} />
        <Tags tags={alarm.rule?.labels} label="Labels" />
      </div>
      <Reason alarm={alarm} />
      {(alarm.rule?.description ?? '') !== '' && <p class="description">{alarm.rule?.description}</p>}
      <RunbookLink url={alarm.rule?.runbook_url} />
      <div class="alarm-actions">
        <a class="button" href={addressOf({ screen: 'rule', id: alarm.rule_id })}>
          View rule
        </a>
        <a class="button writes" data-key="e" href={addressOf({ screen: 'editor', id: alarm.rule_id })}>
          Edit rule
        </a>
        <CopyButton text={location.href} label="Copy link" />
      </div>
      <AlarmChart alarm={alarm} />
      <AlarmWaterfall alarm={alarm} />
      <Provenance alarm={alarm} />
    </div>
  );
}

/** Why it fired, in a sentence. */
function Reason({ alarm }: { readonly alarm: AlarmDetail }) {
  const { rule, value } = alarm;
  const lastedMs = (alarm.ended_ms ?? nowMs.value) - alarm.since_ms;
  const since = (
    <time dateTime={new Date(alarm.since_ms).toISOString()} title={momentText(alarm.since_ms)}>
      {nowMs.value - alarm.since_ms > todayMs ? momentText(alarm.since_ms) : clockText(alarm.since_ms)}
    </time>
  );
  return (
    <p class="alarm-reason">
      {alarm.cause === 'no_data' ? (
        <>
          <Sentence parts={silenceSentence(rule ?? { metric_name: alarm.metric_name })} />.
        </>
      ) : (
        <>
          <span class={css.reasonValue}>
            <Sentence parts={comparedSentence(rule ?? { metric_name: alarm.metric_name }, value, alarm.group)} />
          </span>
          {alarm.members?.divisor !== undefined && ` (of ${shownNumber(alarm.members.divisor, true)})`}
          {rule !== undefined && alarm.group !== undefined ? (
            <>
              , <Sentence parts={breachParts(rule)} />.
            </>
          ) : (
            <>. Rule: {rule === undefined ? 'deleted' : <Sentence parts={conditionSentence(rule)} />}.</>
          )}
        </>
      )}{' '}
      {alarm.state === 'firing' ? (
        <>
          Firing since {since}, for {durationText(lastedMs)}.
        </>
      ) : (
        <>
          Started at {since}
          {alarm.ended_ms === null ? ', and has ended.' : `, ended after ${durationText(lastedMs)}.`}
        </>
      )}
    </p>
  );
}

/** The series that fired, around that moment. */
function AlarmChart({ alarm }: { readonly alarm: AlarmDetail }) {
  const { rule } = alarm;
  const { measure, groups } = comparedOf(rule ?? {});
  const isFiring = alarm.state === 'firing';
  // Without the rule nothing says what was compared of a group.
  const isCompared = alarm.group === undefined || groups !== undefined;
  const { value: samples } = useQuery(
    (signal) => {
      const endMs = alarm.ended_ms ?? (isFiring ? nowMs.value : alarm.fired_ms);
      const aroundMs = Math.max(60_000, (measure?.windowSeconds ?? 0) * 2_000, (endMs - alarm.since_ms) * 0.5);
      const wanted = {
        metricName: alarm.metric_name,
        ...(alarm.group === undefined
          ? { tags: alarm.tags, isExact: true }
          : { tags: isCompared ? rule?.tags : { ...rule?.tags, ...alarm.tags }, groups, group: alarm.group }),
        fromMs: Math.min(alarm.since_ms, alarm.timestamp_ms) - aroundMs,
        toMs: Math.min(nowMs.value + 1_000, endMs + aroundMs),
        points: 500,
        measure,
      };
      return readSamples(wanted, signal);
    },
    { everyMs: isFiring ? everyMs : undefined },
    [alarm.alarm_id, alarm.state, alarm.ended_ms],
  );
  const found = samples.value;
  if (found === undefined) return <div class={`card chart-card ${css.chartWaiting}`} />;
  if (found.samples === 0) return <p class="hint">The samples are too old to be kept.</p>;
  return (
    <section class="card chart-card">
      <h2>
        {groups !== undefined
          ? 'Compared value, and its series'
          : measure === undefined
            ? 'Samples'
            : `Samples and ${measures[measure.type].words.noun.toLowerCase()} of the window`}
      </h2>
      <Chart
        label={`${linesText(found)} of ${alarm.metric_name}`}
        {...linesOf(rule ?? {}, found)}
        fromMs={fittedFromMs(found.series, found.from_ms, found.to_ms)}
        toMs={found.to_ms}
        operator={rule?.operator ?? ruleDefaults.operator}
        threshold={isCompared && rule !== undefined ? thresholdAt(rule) : undefined}
        levels={isCompared && rule !== undefined ? thresholdsOf(rule).slice(1) : undefined}
        resolveThreshold={isCompared ? rule?.resolve_threshold : undefined}
        bands={[{ fromMs: alarm.fired_ms, toMs: isFiring ? undefined : (alarm.ended_ms ?? alarm.fired_ms) }]}
        mark={
          alarm.value === null || !isCompared
            ? undefined
            : { timeMs: groups === undefined ? alarm.timestamp_ms : alarm.fired_ms, value: alarm.value }
        }
      />
    </section>
  );
}

function membersText({ first, total }: NonNullable<AlarmDetail['members']>): string {
  const texts = first.map(({ tags, value }) => {
    const names = Object.entries(tags).map(([key, tag]) => `${key}=${tag}`);
    return `${names.join(', ') || 'without tags'}: ${Number(value.toPrecision(6))}`;
  });
  return [...texts, ...(total > first.length ? [`${total - first.length} more`] : [])].join('; ');
}

function Provenance({ alarm }: { readonly alarm: AlarmDetail }) {
  const recheck = useSignal<RecheckResult | undefined>(undefined);
  const isBusy = useSignal(false);
  const run = async (): Promise<void> => {
    isBusy.value = true;
    try {
      recheck.value = await recheckAlarm(alarm.alarm_id);
    } catch (error) {
      showError((error as Error).message);
    }
    isBusy.value = false;
  };
  const checked = recheck.value;
  const facts: [string, string][] = [
    ['Sample', `partition ${alarm.partition}, offset ${alarm.offset}`],
    ['Sample time', momentText(alarm.timestamp_ms)],
    [
      'Rule version',
      `${alarm.rule_version.partition}-${alarm.rule_version.offset}${alarm.is_rule_current ? ', current' : ', changed since'}`,
    ],
    ...(alarm.members === undefined ? [] : [['Series', membersText(alarm.members)] satisfies [string, string]]),
    ...(alarm.rule?.name === undefined ? [] : [['Rule name', alarm.rule.name] as [string, string]]),
    ['Rule', alarm.rule_id],
    ['Alarm', alarm.alarm_id],
  ];
  return (
    <section class={`card ${css.provenance}`}>
      <h2>Details</h2>
      <dl>
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <div class={css.provenanceRun}>
        <button type="button" aria-disabled={isBusy.value} onClick={() => !isBusy.value && void run()}>
          Re-check this alarm
        </button>
        <p role="status" class={checked === undefined ? 'hint' : checked.agrees ? 'agrees' : 'disagrees'}>
          {checked === undefined
            ? 'Replays the stored samples and compares the result.'
            : `${checked.agrees ? '✓ ' : '✗ '}${checked.detail} ${grouped(checked.samples)} samples in ${checked.took_ms} ms.`}
        </p>
      </div>
    </section>
  );
}
