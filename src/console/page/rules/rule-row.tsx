import * as css from './rule-row.module.css';
import type { RuleView } from '../../../wire/rules.ts';
import { useSignal } from '@preact/signals';
import type { Rule } from '../../../rule/rule.ts';
import { api } from '../state/api.ts';
import {
  behaviour,
  comparedText,
  conditionSentence,
  plainSentence,
  subjectsWord,
  tagTexts,
} from '../words/condition-sentence.ts';
import { nowMs } from '../state/live.ts';
import { showNotice, showError } from '../parts/notices.tsx';
import { addressOf } from '../state/router.ts';
import { RuleFigures } from './rule-figures.tsx';
import { sendTestOf } from '../state/inspect.ts';
import { Sentence, SeverityMark, StateMark, Tags, type ShownState } from '../parts/state-mark.tsx';
import { durationText } from '../words/time-text.ts';

interface RuleRowProps {
  readonly view: RuleView;
  readonly rank: number;
  readonly style: Record<string, string>;
  readonly isSelected: boolean;
  readonly onSelect: (isSelected: boolean) => void;
  readonly onChanged: () => void;
  readonly onDelete: (rule: Rule) => void;
}

function shownState(view: RuleView): ShownState {
  return view.state === 'firing' && view.worst?.cause === 'no_data' ? 'no-data' : view.state;
}

/** A row of the rule table. */
export function RuleRow({ view, rank, style, isSelected, onSelect, onChanged, onDelete }: RuleRowProps) {
  const { rule } = view;
  // The tags stand beside it, unless the sentence says what they are to a ratio.
  const isRatio = rule.divide_by !== undefined;
  const parts = conditionSentence(isRatio ? rule : { ...rule, tags: {} });
  const name = plainSentence(conditionSentence(rule));
  const also = [seenText(view), ...behaviour(rule)].join(' · ');
  return (
    <div
      role="row"
      class="rule"
      data-state={shownState(view)}
      aria-rowindex={rank + 2}
      data-row
      data-rank={rank}
      style={style}
    >
      <div role="cell" class={css.ruleSelected}>
        <input
          type="checkbox"
          checked={isSelected}
          aria-label={`Select: ${name}`}
          onChange={(event) => onSelect(event.currentTarget.checked)}
        />
      </div>
      <div role="cell" class={css.ruleState}>
        <StateMark state={shownState(view)} count={view.firing} />
      </div>
      <div role="cell" class={css.ruleMain} data-part="rule-main">
        <a class={css.ruleLink} data-part="rule-link" data-row-link href={addressOf({ screen: 'rule', id: rule.id })}>
          {rule.name !== undefined && <b>{rule.name}: </b>}
          <Sentence parts={parts} />
        </a>{' '}
        <SeverityMark severity={rule.severity} />
        {!isRatio && <Tags tags={tagTexts(rule.tags)} />}
        <Tags tags={rule.labels} label="Labels" />
        {rule.description !== undefined && rule.description !== '' && (
          <p class="description" title={rule.description}>
            {rule.description}
          </p>
        )}
        <p class={`hint ${css.ruleAlso}`} title={also}>
          {also}
        </p>
      </div>
      <div role="cell" class={css.ruleNow}>
        <RuleFigures view={view} />
      </div>
      <div role="cell" class={css.ruleActions}>
        <EnabledSwitch rule={rule} name={name} onChanged={onChanged} />
        <a
          class="button quiet writes"
          data-key="e"
          href={addressOf({ screen: 'editor', id: rule.id })}
          aria-label={`Edit: ${name}`}
        >
          Edit
        </a>
        <button
          type="button"
          class="quiet writes"
          data-key="t"
          aria-label={`Send a test message: ${name}`}
          onClick={() => void sendTest(rule.id, name)}
        >
          Test
        </button>
        <button type="button" class="quiet danger writes" aria-label={`Delete: ${name}`} onClick={() => onDelete(rule)}>
          Delete
        </button>
      </div>
    </div>
  );
}

function seenText({ rule, series, worst, state }: RuleView): string {
  if (state === 'disabled') return 'Disabled: not evaluated';
  if (worst?.since_ms !== undefined) {
    const { value, current_value: now } = worst;
    const began = state === 'firing' ? 'fired' : 'began';
    const text =
      now !== undefined
        ? `at ${comparedText(now, rule, 8)}`
        : value === null
          ? 'silent'
          : `${began} at ${comparedText(value, rule, 12)},`;
    return `${text} for ${durationText(nowMs.value - worst.since_ms)}`;
  }
  return series === 0 ? 'No alarms yet' : `${series} ${subjectsWord(rule)}, OK`;
}

async function sendTest(id: string, name: string): Promise<void> {
  try {
    const { delivered, status, took_ms: tookMs, reason } = await sendTestOf(id);
    if (delivered) showNotice(`Test message sent: ${status} in ${tookMs} ms. ${name}`);
    else showError(`Not delivered: ${reason ?? status ?? 'no answer'}. ${name}`);
  } catch (error) {
    showError(`Not sent: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Enabling and disabling can be undone, so there is no confirmation. */
export function EnabledSwitch({ rule, name, onChanged }: { rule: Rule; name: string; onChanged: () => void }) {
  const isBusy = useSignal(false);
  const isOn = rule.enabled ?? true;
  const set = async (enabled: boolean): Promise<void> => {
    isBusy.value = true;
    try {
      const now = await api.rule(rule.id);
      const { id: _id, enabled: _enabled, ...fields } = now.rule;
      await api.replace(rule.id, enabled ? fields : { ...fields, enabled }, now.etag);
      showNotice(enabled ? `Enabled: ${name}` : `Disabled: ${name}`, () => void set(!enabled));
    } catch (error) {
      showError(`Not changed: ${error instanceof Error ? error.message : String(error)}`);
    }
    isBusy.value = false;
    onChanged();
  };
  return (
    <button
      type="button"
      role="switch"
      class={`${css.switch} writes`}
      aria-checked={isOn}
      aria-label={`Enabled: ${name}`}
      title={isOn ? 'Enabled' : 'Disabled'}
      aria-disabled={isBusy.value}
      onClick={() => void (isBusy.value || set(!isOn))}
    >
      <span class={css.knob} data-part="knob" aria-hidden="true" />
    </button>
  );
}
