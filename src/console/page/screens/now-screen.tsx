import * as css from './now-screen.module.css';
import type { AlarmView } from '../../../wire/alarms.ts';
import type { ComponentChildren } from 'preact';
import { comparedText, conditionSentence, silenceSentence } from '../words/condition-sentence.ts';
import { isUnevaluated } from '../state/lateness.ts';
import {
  changes,
  connection,
  firing,
  isStale,
  nowMs,
  pending,
  sampleHistory,
  status,
  type AlarmChange,
  type LiveAlarm,
} from '../state/live.ts';
import { serverUrl } from '../state/api.ts';
import { addressOf, everyAlarm } from '../state/router.ts';
import { useRule } from '../state/rule-cache.ts';
import { MissedPill, useHeldRows } from '../parts/held-rows.tsx';
import { Sentence, shownTags, StateMark, Tags } from '../parts/state-mark.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { agoText, durationText, grouped, lagText, momentText, rateText, shortText } from '../words/time-text.ts';

/** What is firing, longest first; otherwise, how many samples were checked. */
export function NowScreen() {
  const count = status.value?.alarms.firing ?? 0;
  return (
    <div class={css.now}>
      {count > 0 ? <FiringHero count={count} /> : <QuietHero />}
      <Troubled />
      <Figures />
      {firing.value.length > 0 && <AlarmList title="Firing" alarms={firing.value} total={count} />}
      {pending.value.length > 0 && (
        <AlarmList
          title="Pending"
          alarms={pending.value}
          total={status.value?.alarms.pending ?? 0}
          hint="Over the threshold, but not for long enough to fire yet."
        />
      )}
      {status.value?.rules === 0 && <FirstSteps />}
      {changes.value.length > 0 && <Changes />}
    </div>
  );
}

/** Alarms fire, and nobody hears of them: above all else. */
function Troubled() {
  const { count, first } = status.value?.troubled ?? { count: 0, first: [] };
  if (count === 0) return null;
  return (
    <section class="banner" role="status">
      <p>
        <b>Notifications are not getting through</b> to {plural(count, 'target')}.{' '}
        <a href={addressOf({ screen: 'webhooks', search: '' })}>Webhooks</a>
      </p>
      {first.map((trouble) => (
        <Trouble key={trouble.target} trouble={trouble} />
      ))}
    </section>
  );
}

function FiringHero({ count }: { readonly count: number }) {
  const longest = firing.value[0]?.view.value;
  return (
    <section class={`${css.hero} ${css.heroFiring}`} data-part="hero">
      <Orb isStill={isStale.value}>{count > 99 ? '99+' : count}</Orb>
      <div>
        <h1 tabIndex={-1}>{firingTitle(count)}</h1>
        {longest?.since_ms !== undefined && (
          <p>
            Longest: <b class="part-metric">{longest.metric_name}</b>, for <Since sinceMs={longest.since_ms} />.
          </p>
        )}
      </div>
    </section>
  );
}

function Orb({ isStill, children }: { readonly isStill: boolean; readonly children: ComponentChildren }) {
  return (
    <div class={isStill ? `${css.orb} ${css.orbStill}` : css.orb} data-part="orb" aria-hidden="true">
      <span>{children}</span>
    </div>
  );
}

function firingTitle(count: number): string {
  if (isStale.value) return count === 1 ? '1 alarm was firing' : `${count} alarms were firing`;
  return count === 1 ? '1 alarm is firing' : `${count} alarms are firing`;
}

function QuietHero() {
  const now = status.value;
  const starting = now === undefined;
  const idle = now === undefined || now.rules === 0;
  const isBlind = !idle && isUnevaluated.value;
  const isStill = isStale.value || idle || isBlind;
  return (
    <section class={`${css.hero} ${idle || isBlind ? css.heroIdle : css.heroQuiet}`} data-part="hero">
      <Orb isStill={isStill}>{starting ? '…' : idle ? '+' : isBlind ? '?' : '✓'}</Orb>
      <div>
        <h1 tabIndex={-1}>{starting ? unansweredTitle() : quietTitle()}</h1>
        {starting ? <p>{unanswered[connection.value.state]}</p> : <ProofOfLife />}
      </div>
    </section>
  );
}

/** Past tense: without evaluation, or without news of it, nothing is known about now. */
function quietTitle(): string {
  if (status.value!.rules === 0) return 'No rules yet';
  return isStale.value || isUnevaluated.value ? 'Nothing was firing' : 'Nothing is firing';
}

const unanswered = {
  starting: 'Loading.',
  live: 'Loading.',
  reconnecting: 'The server does not answer yet.',
  stale: 'The server does not answer.',
  'signed-out': 'Sign in to see what is firing.',
  paused: 'Paused before the server answered.',
};

function unansweredTitle(): string {
  return connection.value.state === 'signed-out' ? 'Signed out' : 'Connecting';
}

function ProofOfLife() {
  const { rules, metrics, samples_last_minute: samples } = status.value!;
  if (isUnevaluated.value) return <p>Evaluation has stopped: alarm states may be wrong.</p>;
  if (rules === 0)
    return <p>SSRMS watches your metrics and posts to Discord when one crosses a threshold. Create your first rule.</p>;
  const watching = `${plural(rules, 'rule')} on ${plural(metrics, 'metric')}`;
  if (samples === null) return <p>{watching}. The number of samples is not known right now.</p>;
  if (samples === 0) return <p>{watching}. No samples arrived in the last minute.</p>;
  return (
    <p>
      {watching} checked <b class="part-number">{grouped(samples)}</b> {samples === 1 ? 'sample' : 'samples'} in the
      last minute.
    </p>
  );
}

function plural(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? '' : 's'}`;
}

function Figures() {
  const now = status.value;
  const count = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : grouped(value);
  const [waiting, latencyMs] = [now?.waiting ?? 0, now?.latency_p99_ms ?? undefined];
  const perSecond = now?.samples_per_second ?? undefined;
  const figures: [word: string, kind: string, text: string][] = [
    ['Firing', now?.alarms.firing === 0 ? 'zero' : 'firing', count(now?.alarms.firing)],
    ['Pending', now?.alarms.pending === 0 ? 'zero' : 'pending', count(now?.alarms.pending)],
    ['OK', now?.alarms.ok === 0 ? 'zero' : 'ok', count(now?.alarms.ok)],
    ['Rules', 'rules', count(now?.rules)],
    ['Backlog', now?.lag === 0 ? 'zero' : 'pending', now === undefined ? '–' : lagText(now.lag)],
    ['Delivery time (p99)', 'rules', latencyMs === undefined ? '–' : shortText(latencyMs)],
    ['Queued messages', waiting > 0 ? 'pending' : 'zero', count(now?.waiting)],
  ];
  return (
    <dl class="figures">
      {figures.map(([word, kind, text]) => (
        <div key={word} class="figure" data-kind={kind}>
          <dt>{word}</dt>
          <dd>{text}</dd>
        </div>
      ))}
      <div class={`figure ${css.figureSamples}`}>
        <dt>Samples per second</dt>
        <dd>{perSecond === undefined ? '–' : rateText(perSecond)}</dd>
        <Spark values={sampleHistory.value} />
      </div>
    </dl>
  );
}

/** A sparkline without axes: the number beside it says the same. */
function Spark({ values }: { readonly values: readonly number[] }) {
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * 100;
    const y = high === low ? 12 : 22 - ((value - low) / (high - low)) * 20;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class={css.spark} viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(' ')} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

interface AlarmListProps {
  readonly title: string;
  readonly alarms: readonly LiveAlarm[];
  readonly total: number;
  readonly hint?: string;
}

function AlarmList({ title, alarms, total, hint }: AlarmListProps) {
  const { rows, holds, ...missing } = useHeldRows(alarms, ({ key }) => key);
  return (
    <section {...holds}>
      <div class="section-head">
        <h2>{title}</h2>
        {hint !== undefined && <p class="hint">{hint}</p>}
        <MissedPill {...missing} />
      </div>
      <ul class={css.alarms} data-part="alarms">
        {rows.map(({ item, isGone }) => (
          <AlarmRow key={item.key} alarm={item} hasEnded={isGone} />
        ))}
      </ul>
      {total > alarms.length && <p class="hint">And {total - alarms.length} more.</p>}
    </section>
  );
}

function AlarmRow({
  alarm: { view, value, isCurrent },
  hasEnded,
}: {
  readonly alarm: LiveAlarm;
  readonly hasEnded: boolean;
}) {
  const alarm = view.value;
  const state = hasEnded ? 'ended' : alarm.cause === 'no_data' ? 'no-data' : alarm.state;
  return (
    <li class={css.alarm} data-part="alarm" data-state={state} data-row data-live>
      <div>
        <div class="alarm-title">
          <StateMark state={state} />
          <a class="metric" href={alarmAddress(alarm)}>
            {alarm.metric_name}
          </a>
          <Tags tags={shownTags(alarm)} />
        </div>
        <RuleWords id={alarm.rule_id} isSilent={state === 'no-data'} />
        {alarm.deferred === true && <p class="hint">Notification held until the cooldown ends.</p>}
        {alarm.silent_since_ms !== undefined && (
          <p class="hint">
            No data for <Since sinceMs={alarm.silent_since_ms} />.
          </p>
        )}
      </div>
      <dl class={css.alarmFigures} data-part="alarm-figures">
        <div>
          <dt>
            <ValueWord isCurrent={isCurrent} state={alarm.state} />
          </dt>
          <dd class={css.value} data-part="value">
            <Value of={value} rule={alarm.rule_id} />
          </dd>
        </div>
        <div>
          <dt>For</dt>
          <dd>{alarm.since_ms === undefined ? '–' : <Since sinceMs={alarm.since_ms} />}</dd>
        </div>
      </dl>
    </li>
  );
}

function RuleWords({ id, isSilent }: { readonly id: string; readonly isSilent: boolean }) {
  const rule = useRule(id);
  if (rule === undefined) return <p class="sentence">Rule {id.slice(0, 8)}</p>;
  return (
    <>
      <p class="sentence">
        <Sentence parts={isSilent ? silenceSentence(rule) : conditionSentence(rule)} />
      </p>
      {rule.description !== undefined && rule.description !== '' && <p class="description">{rule.description}</p>}
    </>
  );
}

/** A firing alarm has a page of its own; a pending one has only its rule. */
function alarmAddress({ alarm_id: id, rule_id: ruleId }: AlarmView): string {
  return addressOf(id === undefined ? { screen: 'rule', id: ruleId } : { screen: 'alarm', id });
}

// What changes with every sample is a component of its own, so that only that is redrawn.

function ValueWord({ isCurrent, state }: Pick<LiveAlarm, 'isCurrent'> & Pick<AlarmView, 'state'>) {
  return <>{isCurrent.value ? 'Value' : state === 'firing' ? 'Fired at' : 'Began at'}</>;
}

function Value({ of, rule: id }: { readonly of: LiveAlarm['value']; readonly rule: string }) {
  const rule = useRule(id) ?? {};
  return <>{of.value === null ? '–' : comparedText(of.value, rule, 8)}</>;
}

function Since({ sinceMs }: { readonly sinceMs: number }) {
  return (
    <time dateTime={new Date(sinceMs).toISOString()} title={momentText(sinceMs)}>
      <Age ofMs={sinceMs} />
    </time>
  );
}

function Age({ ofMs }: { readonly ofMs: number }) {
  return <>{durationText(nowMs.value - ofMs)}</>;
}

function Ago({ sinceMs }: { readonly sinceMs: number }) {
  return <>{agoText(nowMs.value - sinceMs)}</>;
}

/** Recent changes, since the page was opened. */
function Changes() {
  const { rows, holds, ...missing } = useHeldRows(changes.value, ({ place }) => place);
  return (
    <section {...holds}>
      <div class="section-head">
        <h2>Recent activity</h2>
        <a href={addressOf({ screen: 'alarms', filter: everyAlarm })}>Alarm history</a>
        <MissedPill {...missing} />
      </div>
      <ul class={css.changes} data-part="changes" data-live>
        {rows.map(({ item }) => (
          <Change key={item.place} change={item} />
        ))}
      </ul>
    </section>
  );
}

function Change({ change: { atMs, kind, alarm } }: { readonly change: AlarmChange }) {
  return (
    <li data-row>
      <StateMark state={kind === 'ended' ? 'ended' : alarm.cause === 'no_data' ? 'no-data' : 'firing'} />
      <a class="metric" href={alarmAddress(alarm)}>
        {alarm.metric_name}
      </a>
      <Tags tags={shownTags(alarm)} />
      {kind === 'ended' && alarm.since_ms !== undefined && (
        <span class="hint">after {shortText(alarm.time_ms - alarm.since_ms)}</span>
      )}
      <time dateTime={new Date(atMs).toISOString()} title={momentText(atMs)}>
        <Ago sinceMs={atMs} />
      </time>
    </li>
  );
}

/** The address that a source posts to, which need not be the port of `npm start`. */
function sourceTarget(): string {
  if (status.value?.takes_samples === false) return ' --ingest INGEST_URL';
  return ` --ingest ${serverUrl}`;
}

function FirstSteps() {
  return (
    <section class={css.firstSteps}>
      <h2>Two steps to the first alarm</h2>
      <ol>
        <li>
          <a href={addressOf({ screen: 'editor', id: undefined })}>Create a rule</a>: packages-received above 500, with
          your Discord webhook.
        </li>
        <li>
          Send some test data:
          <pre tabIndex={0}>npx --no-install ssrms source spikes packages-received 450 550 1 3{sourceTarget()}</pre>
        </li>
      </ol>
    </section>
  );
}
