import * as css from './rule-screen.module.css';
import type { RuleStateView } from '../../../wire/rules.ts';
import { useSignal } from '@preact/signals';
import type { MeasureType } from '../../../measure/measure.ts';
import { measures } from '../../../measure/measures.ts';
import { isInBreach, nearestThreshold } from '../../../rule/condition.ts';
import { ruleDefaults } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import {
  behaviour,
  comparedText,
  conditionSentence,
  distanceText,
  plainSentence,
  subjectsWord,
  tagTexts,
} from '../words/condition-sentence.ts';
import { FireStrip } from '../charts/fire-strip.tsx';
import { nowMs } from '../state/live.ts';
import { PastAlarms } from './past-alarms.tsx';
import { sendTestOf } from '../state/inspect.ts';
import { readRuleState } from '../state/past.ts';
import { useQuery } from '../state/query.ts';
import { addressOf, everyAlarm } from '../state/router.ts';
import { RuleChart } from '../charts/rule-chart.tsx';
import { RuleDeliveries } from './rule-deliveries.tsx';
import { noValueText } from './rule-figures.tsx';
import { RuleSeries } from './rule-series.tsx';
import { RuleVersions } from './rule-versions.tsx';
import { EnabledSwitch } from './rule-row.tsx';
import { TestButton } from '../editor/send-test.tsx';
import { RunbookLink, Sentence, SeverityMark, StateMark, Tags, type ShownState } from '../parts/state-mark.tsx';
import { readInForce } from '../state/system-view.ts';
import { agoText, durationText, momentText, secondsText } from '../words/time-text.ts';

const everyMs = 2_000;
const inForceEveryMs = 5_000;
const seriesAtFirst = 10;

/** One rule: its state, its series, its alarms and its versions. */
export function RuleScreen({ id }: { readonly id: string }) {
  const limit = useSignal(seriesAtFirst);
  const { value, failure, refresh } = useQuery((signal) => readRuleState(id, limit.value, signal), { everyMs }, [
    id,
    limit.value,
  ]);
  const state = value.value;
  if (failure.value?.status === 404) return <NoRule id={id} />;
  if (state === undefined) {
    return (
      <div class={css.rulePage}>
        <h1 tabIndex={-1}>Rule</h1>
        <p class={failure.value === undefined ? 'hint' : 'banner'}>{failure.value?.message ?? 'Loading…'}</p>
      </div>
    );
  }
  return (
    <div class={css.rulePage}>
      {failure.value !== undefined && (
        <p class="banner" role="alert">
          {failure.value.message}
        </p>
      )}
      <Head state={state} onChanged={refresh} />
      <Figures state={state} />
      <RuleChart rule={state.rule} />
      <RuleSeries state={state} onMore={() => (limit.value = Math.min(200, limit.value * 4))} />
      <section class="card past-card">
        <div class="section-head">
          <h2>Alarms</h2>
          <p class="hint">Alarms per 15 minutes, last 24 hours.</p>
        </div>
        <FireStrip
          name={state.rule.metric_name}
          counts={state.fires.counts}
          bucketMs={state.fires.bucket_ms}
          nowMs={state.time_ms}
        />
        <PastAlarms filter={{ rule_id: id }} none="No alarms yet." />
      </section>
      <RuleDeliveries id={id} />
      <RuleVersions id={id} />
    </div>
  );
}

/** The history of a deleted rule is still available. */
function NoRule({ id }: { readonly id: string }) {
  return (
    <div class={css.rulePage}>
      <div class="empty">
        <h1 tabIndex={-1}>Rule not found</h1>
        <p>It may have been deleted.</p>
        <a class="button" href={addressOf({ screen: 'rules', search: '' })}>
          All rules
        </a>
        <a href={addressOf({ screen: 'alarms', filter: { ...everyAlarm, rule: id } })}>Alarms of this rule</a>
      </div>
    </div>
  );
}

function shownState({ state, worst }: RuleStateView): ShownState {
  return state === 'firing' && worst?.cause === 'no_data' ? 'no-data' : state;
}

function Head({ state, onChanged }: { readonly state: RuleStateView; readonly onChanged: () => void }) {
  const { rule } = state;
  const name = plainSentence(conditionSentence(rule));
  const also = behaviour(rule);
  return (
    <>
      <p class="crumb">
        <a href={addressOf({ screen: 'rules', search: '' })}>Rules</a>
      </p>
      <div class="alarm-title">
        <StateMark state={shownState(state)} count={state.firing} />
        <h1 tabIndex={-1}>{rule.name ?? rule.metric_name}</h1>
        <SeverityMark severity={rule.severity} />
        <Tags tags={tagTexts(rule.tags)} />
        <Tags tags={rule.labels} label="Labels" />
      </div>
      <div>
        <p class="alarm-reason">
          Fires when <Sentence parts={conditionSentence(rule)} />.
        </p>
        {also.length > 0 && <p class="hint">{also.join(' · ')}</p>}
        {rule.description !== undefined && rule.description !== '' && <p class="description">{rule.description}</p>}
        <RunbookLink url={rule.runbook_url} />
      </div>
      <div class="alarm-actions">
        <a class="button primary writes" data-key="e" href={addressOf({ screen: 'editor', id: rule.id })}>
          Edit
        </a>
        <span class={css.switchBeside}>
          <EnabledSwitch rule={rule} name={name} onChanged={onChanged} />
          <span aria-hidden="true">{(rule.enabled ?? ruleDefaults.enabled) ? 'Enabled' : 'Disabled'}</span>
        </span>
        <TestButton send={() => sendTestOf(rule.id)} />
      </div>
    </>
  );
}

function Figures({ state }: { readonly state: RuleStateView }) {
  const { value: inForce } = useQuery((signal) => readInForce(state.rule.id, signal), { everyMs: inForceEveryMs }, [
    state.rule.id,
  ]);
  const figures: { word: string; kind: string; text: string; more: string | undefined }[] = [
    { word: 'State', ...stateFigure(state) },
    { word: nearestWord(state), ...valueFigure(state) },
    { word: 'Cooldown', ...cooldownFigure(state) },
    { word: 'Last message', ...messageFigure(state) },
    {
      word: 'Active on',
      kind: 'rules',
      text: inForce.value === undefined ? '–' : `${inForce.value.in_force} of ${inForce.value.of}`,
      more:
        inForce.value?.windows_refused === undefined
          ? 'evaluators'
          : `evaluators; ${inForce.value.windows_refused} series without a window: memory is used up`,
    },
  ];
  return (
    <dl class="figures figures-five">
      {figures.map(({ word, kind, text, more }) => (
        <div key={word} class="figure" data-kind={kind}>
          <dt>{word}</dt>
          <dd>{text}</dd>
          {more !== undefined && <dd class="hint">{more}</dd>}
        </div>
      ))}
    </dl>
  );
}

interface Figure {
  readonly kind: string;
  readonly text: string;
  readonly more: string | undefined;
}

function stateFigure({ rule, state, worst, firing, pending, series }: RuleStateView): Figure {
  if (state === 'disabled') return { kind: 'zero', text: 'Disabled', more: 'not evaluated' };
  const sinceMs = worst?.since_ms;
  if (state === 'ok' || sinceMs === undefined)
    return { kind: 'ok', text: 'OK', more: series === 0 ? 'no alarms yet' : `${series} ${subjectsWord(rule)}, OK` };
  const more = `${state === 'firing' ? firing : pending} of ${series} ${subjectsWord(rule)}, for ${durationText(nowMs.value - sinceMs)}`;
  return state === 'firing' ? { kind: 'firing', text: 'Firing', more } : { kind: 'pending', text: 'Pending', more };
}

const nearestWord = ({ rule }: RuleStateView): string =>
  rule.window_duration_seconds === undefined
    ? `${measureOf(rule).words.noun} closest to the threshold`
    : `${measureOf(rule).words.noun} of ${secondsText(rule.window_duration_seconds)}, closest to the threshold`;

const measureOf = ({ type = ruleDefaults.type }: Rule): MeasureType => measures[type];

function valueFigure(state: RuleStateView): Figure {
  const { rule, value, value_ms: valueMs = 0, is_old: isOld, is_seen: isSeen, window_samples: samples } = state;
  if (value === undefined) {
    const more = isSeen ? noValueText(state) : 'no data since the console started';
    return { kind: 'zero', text: '–', more };
  }
  const away = distanceText(value, nearestThreshold(rule, value));
  const held = samples === undefined ? '' : `, of ${samples} samples`;
  const age = isOld ? `, ${agoText(nowMs.value - valueMs)}` : '';
  return {
    kind: isOld ? 'zero' : isInBreach(rule, value) ? 'firing' : 'ok',
    text: comparedText(value, rule),
    more: away + held + age,
  };
}

function cooldownFigure({ rule, cooldown_left_ms: leftMs, deferred = 0 }: RuleStateView): Figure {
  const whole = rule.cooldown_seconds ?? 0;
  if (whole === 0) return { kind: 'zero', text: 'None', more: 'no cooldown' };
  if (leftMs === undefined) return { kind: 'zero', text: 'Over', more: `${secondsText(whole)} after a message` };
  return {
    kind: 'pending',
    text: durationText(leftMs),
    more: `left; ${deferred} ${deferred === 1 ? 'message' : 'messages'} held`,
  };
}

function messageFigure({ delivery }: RuleStateView): Figure {
  if (delivery === undefined) return { kind: 'zero', text: 'None', more: 'in the last seven days' };
  const { outcome, at_ms: atMs, took_ms: tookMs, attempts, reason } = delivery;
  const when = agoText(nowMs.value - atMs);
  if (outcome === 'delivered' || outcome === 'merged')
    return { kind: 'ok', text: 'Delivered', more: tookMs === undefined ? when : `in ${tookMs} ms, ${when}` };
  if (outcome === 'waiting')
    return { kind: 'pending', text: 'Queued', more: attempts > 1 ? `tried ${attempts} times` : `due ${when}` };
  const word = outcome.slice(0, 1).toUpperCase() + outcome.slice(1);
  return { kind: 'firing', text: word, more: reason ?? momentText(atMs) };
}
