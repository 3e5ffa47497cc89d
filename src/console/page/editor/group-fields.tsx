// The inputs of groups and ratios. What has no meaning yet is not shown: without groups nothing is aggregated, without a ratio nothing
// is divided.
import * as css from './group-fields.module.css';
import { aggregates, isAggregate } from '../../../rule/aggregate.ts';
import { needsParameter } from '../../../measure/measures.ts';
import { namesOf } from '../../../rule/receiver-name.ts';
import type { FieldName, FormSpec } from '../../../rule/field-spec.ts';
import { ruleFields } from '../../../rule/rule-fields.ts';
import { Below, hintOf, MatcherLines, Select, TextInput, useKnownTags, type Form } from './fields.tsx';
import { ratioNumbers, type RatioDraft, type RatioSeries, type WhereDraft } from './group-draft.ts';
import type { RuleDraft } from './rule-draft.ts';

const namesMax = 12;
const allTogether = '[]';

/** Whether a field about groups has a meaning, or was filled in all the same. */
export function isGroupFieldShown(draft: RuleDraft, field: FieldName): boolean {
  if (field === 'aggregate_where')
    return isAggregate(draft.aggregate) ? aggregates[draft.aggregate].hasWhere : draft.aggregate_where.threshold !== '';
  if (ruleFields[field].form.group !== 'groups' || field === 'group_by') return true;
  return draft.group_by.trim() !== '' || isFilled(draft, field);
}

function isFilled(draft: RuleDraft, field: FieldName): boolean {
  return field === 'divide_by' ? draft.divide_by.isOn : draft[field] !== '';
}

function change<Field extends keyof RuleDraft>(form: Form, field: Field, value: RuleDraft[Field]): void {
  form.draft.value = { ...form.draft.value, [field]: value };
  form.errors.value = new Map([...form.errors.value].filter(([name]) => name.split('.')[0] !== field));
}

/** What the server says of a field, or of a part of it that has no input of its own. */
function errorOf({ errors }: Form, field: string, parts: readonly string[] = []): string | undefined {
  const own = [...errors.value].filter(
    ([name]) =>
      name === field || (name.startsWith(`${field}.`) && !parts.some((part) => name.startsWith(`${field}.${part}`))),
  );
  return own.length === 0 ? undefined : own.map(([, message]) => message).join('; ');
}

/** Names of tags, completed from those that the metric's series have. */
export function TagNames({ form }: { readonly form: Form }) {
  const { label, placeholder }: FormSpec = ruleFields.group_by.form;
  const text = form.draft.value.group_by;
  const names = text.trim() === allTogether ? [] : namesOf(text);
  const known = Object.keys(useKnownTags(form.draft.value.metric_name)).slice(0, namesMax);
  const set = (wanted: string): void => change(form, 'group_by', wanted);
  return (
    <div>
      <TextInput
        id="group_by"
        label={label}
        placeholder={placeholder}
        value={text}
        error={errorOf(form, 'group_by')}
        hint={hintOf('group_by')}
        onInput={set}
      />
      <div class={css.tagNames} role="group" aria-label="Tags to group by">
        {known.map((name) => (
          <button
            key={name}
            type="button"
            class="small"
            aria-pressed={names.includes(name)}
            onClick={() =>
              set((names.includes(name) ? names.filter((one) => one !== name) : [...names, name]).join(', '))
            }
          >
            {name}
          </button>
        ))}
        <button
          type="button"
          class="small"
          aria-pressed={text.trim() === allTogether}
          onClick={() => set(text.trim() === allTogether ? '' : allTogether)}
        >
          all series together
        </button>
      </div>
    </div>
  );
}

/** A comparison: which series of a group count. */
export function Where({ form }: { readonly form: Form }) {
  const { label }: FormSpec = ruleFields.aggregate_where.form;
  const where = form.draft.value.aggregate_where;
  const set = (more: Partial<WhereDraft>): void => change(form, 'aggregate_where', { ...where, ...more });
  return (
    <fieldset class={css.where} aria-describedby="aggregate_where-hint">
      <legend>{label}</legend>
      <Select
        id="aggregate_where.operator"
        label="Comparison"
        value={where.operator}
        choices={ruleFields.operator.choices}
        error={form.errors.value.get('aggregate_where.operator')}
        onChange={(operator) => set({ operator })}
      />
      <TextInput
        id="aggregate_where"
        label="Value"
        placeholder="90"
        mode="decimal"
        value={where.threshold}
        error={errorOf(form, 'aggregate_where', ['operator'])}
        onInput={(threshold) => set({ threshold })}
      />
      <Below field="aggregate_where" error={undefined} hint={hintOf('aggregate_where')} />
    </fieldset>
  );
}

const seriesWords: Record<RatioSeries, string> = {
  all: 'all series of the group',
  some: 'series with these tags',
  same: 'the same series',
};

/** The second value of a ratio. */
export function Ratio({ form }: { readonly form: Form }) {
  const { label }: FormSpec = ruleFields.divide_by.form;
  const { type: ownType, divide_by: ratio } = form.draft.value;
  const set = (more: Partial<RatioDraft>): void => change(form, 'divide_by', { ...ratio, ...more });
  const error = errorOf(form, 'divide_by', ['tags', 'type', ...ratioNumbers]);
  const type = ratio.type || ownType;
  return (
    <fieldset
      class={css.ratio}
      aria-describedby={error === undefined ? 'divide_by-hint' : 'divide_by-error divide_by-hint'}
    >
      <legend class="visually-hidden">{label}</legend>
      <label class="check">
        <input
          id="divide_by"
          type="checkbox"
          checked={ratio.isOn}
          aria-invalid={error !== undefined}
          onChange={(event) => set({ isOn: event.currentTarget.checked })}
        />
        {label}
      </label>
      <Below field="divide_by" error={error} hint={hintOf('divide_by')} />
      {ratio.isOn && (
        <div class={css.ratioFields}>
          <Select
            id="divide_by.series"
            label="Of"
            value={ratio.series}
            choices={seriesWords}
            onChange={(series) => set({ series: series as RatioSeries })}
          />
          <Select
            id="divide_by.type"
            label="Compare"
            value={ratio.type}
            choices={{ '': 'as above', ...ruleFields.type.choices }}
            error={form.errors.value.get('divide_by.type')}
            onChange={(wanted) => set({ type: wanted })}
          />
          {ratioNumbers.map((field) => {
            const isLeast = field === 'min_value';
            // What is hidden is sent: a value that does not fit is refused, and must be seen then.
            if (!isLeast && !needsParameter(type, field) && ratio[field] === '') return null;
            const shown: FormSpec = isLeast ? leastForm : ruleFields[field].form;
            return (
              <TextInput
                key={field}
                id={`divide_by.${field}`}
                label={shown.label}
                placeholder={isLeast ? shown.placeholder : 'as above'}
                mode="decimal"
                unit={field === 'window_duration_seconds' ? 's' : undefined}
                value={ratio[field]}
                error={form.errors.value.get(`divide_by.${field}`)}
                hint={shown.hint}
                onInput={(text) => set({ [field]: text })}
              />
            );
          })}
          {ratio.series === 'some' && (
            <MatcherLines
              id="divide_by.tags"
              label="Series with these tags"
              tags={ratio.tags}
              refusal={errorOf(form, 'divide_by.tags')}
              onInput={(lines) => set({ tags: { ...ratio.tags, lines } })}
            />
          )}
        </div>
      )}
    </fieldset>
  );
}

const leastForm: FormSpec = {
  group: 'groups',
  label: 'At least',
  placeholder: 'off',
  hint: 'Below this nothing is evaluated. E.g. 100: no alarm about 1 error in 2 requests.',
};
