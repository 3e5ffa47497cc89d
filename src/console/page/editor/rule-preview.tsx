import * as css from './rule-preview.module.css';
import { hasKind, isField, isSecretField } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { behaviour, conditionSentence } from '../words/condition-sentence.ts';
import { DiscordPreview } from './discord-preview.tsx';
import { Sentence } from '../parts/state-mark.tsx';

/** The rule in words, and the message that it sends. */
export function RulePreview({ fields }: { readonly fields: Record<string, unknown> }) {
  const rule = sayable(fields);
  return (
    <aside class={css.preview} aria-label="Preview">
      <h2>In words</h2>
      <p class={`sentence ${css.big}`}>
        Fires when <Sentence parts={conditionSentence(rule)} />.
      </p>
      {behaviour(rule).map((words) => (
        <p class="hint" key={words}>
          {words}.
        </p>
      ))}
      <h2>In Discord</h2>
      <DiscordPreview rule={rule} />
    </aside>
  );
}

/** The fields that a sentence can be made of, without those whose value is none of the field yet: JSON may say anything. */
export function sayable(fields: Record<string, unknown>): Partial<Rule> {
  const isReady = ([field, value]: [string, unknown]): boolean =>
    field === 'id' || (isField(field) && !isSecretField(field) && hasKind(field, value));
  return Object.fromEntries(Object.entries(fields).filter(isReady));
}
