import * as css from './fields.module.css';
import type { ComponentChild } from 'preact';
import { useSignal, type Signal } from '@preact/signals';
import type { MetricTagsView } from '../../../wire/metrics.ts';
import { useQuery } from '../state/query.ts';
import { findTags } from '../state/inspect.ts';
import { Suggestions, typingMs } from '../parts/suggestions.tsx';
import type { FieldKind, FieldName, FormSpec } from '../../../rule/field-spec.ts';
import { fieldSpec, ruleFields } from '../../../rule/rule-fields.ts';
import { matcherTextHint } from '../../../rule/matcher-text.ts';
import { linesOf, type FieldNameOf, type RuleDraft, type TextFieldName } from './rule-draft.ts';

/** What an input needs of its form. */
export interface Form {
  readonly draft: Signal<RuleDraft>;
  /** Messages by field, as the server sent them. */
  readonly errors: Signal<ReadonlyMap<string, string>>;
}

interface FieldProps {
  readonly form: Form;
  readonly field: TextFieldName;
  readonly isFirst?: boolean;
}

function change(form: Form, field: keyof RuleDraft, value: string | boolean): void {
  form.draft.value = { ...form.draft.value, [field]: value };
  if (!form.errors.value.has(field)) return;
  const errors = new Map(form.errors.value);
  errors.delete(field);
  form.errors.value = errors;
}

/** The ids of an input's descriptions: its error before its hint. */
function describedBy(field: string, error: string | undefined, hint: string | undefined): string | undefined {
  const ids = [error !== undefined && `${field}-error`, hint !== undefined && `${field}-hint`].filter(
    (id) => id !== false,
  );
  return ids.length > 0 ? ids.join(' ') : undefined;
}

/** How the input of a kind differs from a line of text. */
const inputModes: Partial<Record<FieldKind, 'decimal' | 'url'>> = {
  number: 'decimal',
  discord_webhook: 'url',
  url: 'url',
};

function unitOf(field: FieldName): string | undefined {
  const spec = fieldSpec(field);
  return spec.kind === 'number' ? spec.unit : undefined;
}

/** The hint below an input. Most fields of the sentence need none. */
function hintOf(field: FieldName): string | undefined {
  const { form, help } = fieldSpec(field);
  return form.group === 'main' ? form.hint : help;
}

/** An input with its label, its unit, and the server's message. */
export function Field({ form, field, isFirst }: FieldProps) {
  const { kind, form: shown, required } = fieldSpec(field);
  const { label, placeholder, width = 'middle' } = shown;
  const hint = hintOf(field);
  const unit = unitOf(field);
  const error = form.errors.value.get(field);
  const common = {
    id: field,
    value: form.draft.value[field],
    'aria-invalid': error !== undefined,
    'aria-describedby': describedBy(field, error, hint),
    'aria-required': required !== undefined,
    placeholder,
    spellcheck: false,
    ...(isFirst === true && { 'data-first': '' }),
  };
  return (
    <div class={`field field-${width}`}>
      <label for={field}>{label}</label>
      <div class={css.input}>
        {kind === 'text' ? (
          <textarea
            {...common}
            rows={2}
            spellcheck
            onInput={(event) => change(form, field, event.currentTarget.value)}
          />
        ) : (
          <input
            {...common}
            type="text"
            list={kind === 'metric_name' ? 'known-metrics' : undefined}
            inputMode={inputModes[kind] ?? 'text'}
            autocomplete="off"
            onInput={(event) => change(form, field, event.currentTarget.value)}
          />
        )}
        {unit !== undefined && (
          <span class={css.unit} aria-hidden="true">
            {unit}
          </span>
        )}
      </div>
      <Below field={field} error={error} hint={hint} />
    </div>
  );
}

function Below({ field, error, hint }: { field: string; error: string | undefined; hint: string | undefined }) {
  return (
    <>
      {error !== undefined && (
        <p class="error" id={`${field}-error`}>
          {error}
        </p>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${field}-hint`}>
          {hint}
        </p>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly form: Form;
  readonly field: FieldNameOf<'choice'>;
}

export function Choice({ form, field }: ChoiceProps) {
  const { choices } = ruleFields[field];
  const { label }: FormSpec = ruleFields[field].form;
  const hint = hintOf(field);
  const error = form.errors.value.get(field);
  return (
    <div class="field">
      <label for={field}>{label}</label>
      <select
        id={field}
        value={form.draft.value[field]}
        aria-invalid={error !== undefined}
        aria-describedby={describedBy(field, error, hint)}
        onChange={(event) => change(form, field, event.currentTarget.value)}
      >
        {!('default' in ruleFields[field]) && <option value="">none</option>}
        {Object.entries(choices).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Below field={field} error={error} hint={hint} />
    </div>
  );
}

function Check({ form, field }: { readonly form: Form; readonly field: FieldNameOf<'flag'> }) {
  const error = form.errors.value.get(field);
  return (
    <div class="field">
      <label class="check">
        <input
          id={field}
          type="checkbox"
          checked={form.draft.value[field]}
          aria-invalid={error !== undefined}
          aria-describedby={describedBy(field, error, undefined)}
          onChange={(event) => change(form, field, event.currentTarget.checked)}
        />
        {ruleFields[field].form.label}
      </label>
      <Below field={field} error={error} hint={undefined} />
    </div>
  );
}

/** Tags as pairs of inputs. The server names a wrong one as `tags` or `tags.key`. */
function TagFields({ form }: { readonly form: Form }) {
  const { form: shown } = ruleFields.tags;
  const { exact: tags } = form.draft.value.tags;
  const changeTags = (next: Partial<RuleDraft['tags']>): void => {
    form.draft.value = { ...form.draft.value, tags: { ...form.draft.value.tags, ...next } };
    form.errors.value = new Map([...form.errors.value].filter(([field]) => !field.startsWith('tags')));
  };
  const set = (exact: typeof tags): void => changeTags({ exact });
  const known = useKnownTags(form.draft.value.metric_name);
  const errors = [...form.errors.value].filter(([field]) => field.startsWith('tags'));
  const isWrong = errors.length > 0;
  return (
    <fieldset class={css.tagFields} aria-describedby={isWrong ? 'tags-error tags-hint' : 'tags-hint'}>
      <legend>{shown.label}</legend>
      <Suggestions id="known-tags" texts={Object.keys(known)} />
      {tags.map((tag, index) => (
        // Rows have no identity except their index.
        <div class={css.tagRow} key={index}>
          <input
            id={`tag-key-${index}`}
            aria-label={`Key of tag ${index + 1}`}
            placeholder="host"
            list="known-tags"
            spellcheck={false}
            autocomplete="off"
            aria-invalid={isWrong}
            value={tag.key}
            onInput={(event) => set(tags.with(index, { ...tag, key: event.currentTarget.value }))}
          />
          <span aria-hidden="true">is</span>
          <input
            aria-label={`Value of tag ${index + 1}`}
            placeholder="web-1"
            list={`known-values-${index}`}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={isWrong}
            value={tag.value}
            onInput={(event) => set(tags.with(index, { ...tag, value: event.currentTarget.value }))}
          />
          <Suggestions id={`known-values-${index}`} texts={known[tag.key] ?? []} />
          <button
            type="button"
            class="quiet icon"
            aria-label={`Remove tag ${index + 1}`}
            onClick={() => set(tags.toSpliced(index, 1))}
          >
            <span aria-hidden="true">✕</span>
          </button>
        </div>
      ))}
      <button
        type="button"
        class="small"
        onClick={() => {
          set([...tags, { key: '', value: '' }]);
          requestAnimationFrame(() => document.getElementById(`tag-key-${tags.length}`)?.focus());
        }}
      >
        Add a tag
      </button>
      <MatcherLines tags={form.draft.value.tags} onInput={(lines) => changeTags({ lines })} />
      {isWrong && (
        <p class="error" id="tags-error">
          {errors.map(([, message]) => message).join('; ')}
        </p>
      )}
      <p class="hint" id="tags-hint">
        {hintOf('tags')}
      </p>
    </fieldset>
  );
}

/** A label a line. The server names a wrong one as `labels.key`. */
function LabelLines({ form }: { readonly form: Form }) {
  const { label, placeholder } = ruleFields.labels.form;
  const { labels } = form.draft.value;
  const errors = [...form.errors.value].filter(([field]) => field.startsWith('labels'));
  const error = errors.length > 0 ? errors.map(([, message]) => message).join('; ') : undefined;
  const hint = `${hintOf('labels')!} One a line.`;
  return (
    <div class="field field-long">
      <label for="labels">{label}</label>
      <div class={css.input}>
        <textarea
          id="labels"
          rows={2}
          spellcheck={false}
          placeholder={placeholder}
          value={labels.lines}
          aria-invalid={error !== undefined}
          aria-describedby={describedBy('labels', error, hint)}
          onInput={(event) => {
            form.draft.value = { ...form.draft.value, labels: { ...labels, lines: event.currentTarget.value } };
            form.errors.value = new Map([...form.errors.value].filter(([field]) => !field.startsWith('labels')));
          }}
        />
      </div>
      <Below field="labels" error={error} hint={hint} />
    </div>
  );
}

interface MatcherLinesProps {
  readonly tags: RuleDraft['tags'];
  readonly onInput: (lines: string) => void;
}

/** What else is asked of tags, a line each. A line is checked when it has been typed. */
function MatcherLines({ tags, onInput }: MatcherLinesProps) {
  const isTyping = useSignal(false);
  const wrong = isTyping.value ? undefined : linesOf(tags).find(({ problem }) => problem !== undefined);
  const error = wrong && `${wrong.line.slice(0, 80)}: ${wrong.problem!}`;
  return (
    <div class="field field-long">
      <label for="tag-lines">Other conditions on tags</label>
      <div class={css.input}>
        <textarea
          id="tag-lines"
          rows={2}
          spellcheck={false}
          value={tags.lines}
          aria-invalid={error !== undefined}
          aria-describedby={describedBy('tag-lines', error, matcherTextHint)}
          onInput={(event) => {
            isTyping.value = true;
            onInput(event.currentTarget.value);
          }}
          onBlur={() => (isTyping.value = false)}
        />
      </div>
      <Below field="tag-lines" error={error} hint={`One a line: ${matcherTextHint}.`} />
    </div>
  );
}

const noTags: MetricTagsView['tags'] = {};

function useKnownTags(metric: string): MetricTagsView['tags'] {
  const options = { afterMs: typingMs, isWanted: metric !== '' };
  const { value } = useQuery((signal) => findTags(metric, signal), options, [metric]);
  return value.value ?? noTags;
}

/** The input of any field, by its kind. */
export function FieldInput({ form, field }: { readonly form: Form; readonly field: FieldName }) {
  return inputs[fieldSpec(field).kind](form, field);
}

const textInput = (form: Form, field: FieldName) => <Field form={form} field={field as TextFieldName} />;
const inputs: Record<FieldKind, (form: Form, field: FieldName) => ComponentChild> = {
  metric_name: textInput,
  discord_webhook: textInput,
  text: textInput,
  line: textInput,
  url: textInput,
  number: textInput,
  receivers: textInput,
  tag_names: textInput,
  where: textInput,
  samples: textInput,
  ratio: textInput,
  choice: (form, field) => <Choice form={form} field={field as FieldNameOf<'choice'>} />,
  flag: (form, field) => <Check form={form} field={field as FieldNameOf<'flag'>} />,
  tags: (form) => <TagFields form={form} />,
  labels: (form) => <LabelLines form={form} />,
};
