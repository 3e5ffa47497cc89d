// A rule's levels as rows of inputs.
import * as css from './fields.module.css';
import { ruleFields } from '../../../rule/rule-fields.ts';
import type { Form } from './fields.tsx';
import { emptyLevel, type LevelDraft } from './level-draft.ts';

/** What stands in an input that is empty. */
const columns = {
  threshold: 'threshold',
  severity: 'info, warning or critical',
  for_seconds: 'fire after … s',
  notify: 'receivers',
};

/** The server names a wrong one as `levels` or `levels.1.threshold`. */
export function LevelRows({ form }: { readonly form: Form }) {
  const { form: shown, help, most } = ruleFields.levels;
  const { levels } = form.draft.value;
  const isOfLevels = ([field]: readonly [string, string]): boolean => field.startsWith('levels');
  const error = [...form.errors.value]
    .filter(isOfLevels)
    .map(([, message]) => message)
    .join('; ');
  const set = (next: readonly LevelDraft[]): void => {
    form.draft.value = { ...form.draft.value, levels: next };
    form.errors.value = new Map([...form.errors.value].filter((each) => !isOfLevels(each)));
  };
  return (
    <fieldset class={css.tagFields} aria-describedby="levels-error levels-hint">
      <legend>{shown.label}</legend>
      {levels.map((level, index) => (
        // Rows have no identity except their index.
        <div class={css.tagRow} key={index} data-part="level">
          {(Object.keys(columns) as (keyof typeof columns)[]).map((field) => (
            <input
              key={field}
              aria-label={`Level ${index + 1}: ${field.replace('_', ' ')}`}
              placeholder={columns[field]}
              aria-invalid={error !== ''}
              value={level[field]}
              onInput={(event) => set(levels.with(index, { ...level, [field]: event.currentTarget.value }))}
            />
          ))}
          <button
            type="button"
            class="quiet icon"
            aria-label={`Remove level ${index + 1}`}
            onClick={() => set(levels.toSpliced(index, 1))}
          >
            <span aria-hidden="true">✕</span>
          </button>
        </div>
      ))}
      {levels.length < most && (
        <button type="button" class="small" onClick={() => set([...levels, emptyLevel])}>
          Add a level
        </button>
      )}
      <p class="error" id="levels-error">
        {error}
      </p>
      <p class="hint" id="levels-hint">
        {help} In place of the threshold.
      </p>
    </fieldset>
  );
}
