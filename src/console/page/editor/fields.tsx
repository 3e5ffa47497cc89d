import * as css from './fields.module.css';
import { useSignal, type Signal } from '@preact/signals';
import type { MetricTagsView } from '../../../wire/metrics.ts';
import { useQuery } from '../state/query.ts';
import { findTags } from '../state/inspect.ts';
import { Suggestions, typingMs } from '../parts/suggestions.tsx';
import type { FieldKind, FieldName, FormSpec } from '../../../rule/field-spec.ts';
import { fieldSpec, ruleFields } from '../../../rule/rule-fields.ts';
import { matcherTextHint } from '../../../rule/matcher-text.ts';
import type { FieldNameOf, RuleDraft, TextFieldName } from './rule-draft.ts';
import { linesOf, type TagsDraft } from './tags-draft.ts';

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
export function hintOf(field: FieldName): string | undefined {
  const { form, help } = fieldSpec(field);
  return form.group === 'main' ? form.hint : help;
}

interface TextInputProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly error: string | undefined;
  readonly hint?: string | undefined;
  readonly width?: FormSpec['width'];
  readonly unit?: string | undefined;
  readonly placeholder?: string | undefined;
  /** Of an input with several lines. */
  readonly rows?: number | undefined;
  /** The id of what it is completed from. */
  readonly list?: string | undefined;
  readonly mode?: 'decimal' | 'url' | undefined;
  readonly isProse?: boolean;
  readonly isRequired?: boolean;
  readonly isFirst?: boolean | undefined;
  readonly onInput: (text: string) => void;
  readonly onBlur?: () => void;
}

/** An input with its label, its unit, and what is wrong with it. */
export function TextInput(props: TextInputProps) {
  const { id, label, value, error, hint, width = 'middle', unit, placeholder, rows, mode = 'text' } = props;
  const common = {
    id,
    value,
    'aria-invalid': error !== undefined,
    'aria-describedby': describedBy(id, error, hint),
    'aria-required': props.isRequired,
    placeholder,
    spellcheck: props.isProse === true,
    onBlur: props.onBlur,
    onInput: (event: { readonly currentTarget: { readonly value: string } }) =>
      props.onInput(event.currentTarget.value),
    ...(props.isFirst === true && { 'data-first': '' }),
  };
  return (
    <div class={`field field-${width}`}>
      <label for={id}>{label}</label>
      <div class={css.input}>
        {rows === undefined ? (
          <input {...common} type="text" list={props.list} inputMode={mode} autocomplete="off" />
        ) : (
          <textarea {...common} rows={rows} />
        )}
        {unit !== undefined && (
          <span class={css.unit} aria-hidden="true">
            {unit}
          </span>
        )}
      </div>
      <Below field={id} error={error} hint={hint} />
    </div>
  );
}

/** The input of a field that is a text. */
export function Field({ form, field, isFirst }: FieldProps) {
  const { kind, form: shown, required } = fieldSpec(field);
  const { label, placeholder, width } = shown;
  return (
    <TextInput
      id={field}
      label={label}
      value={form.draft.value[field]}
      error={form.errors.value.get(field)}
      hint={hintOf(field)}
      width={width}
      unit={unitOf(field)}
      placeholder={placeholder}
      rows={kind === 'text' ? 2 : undefined}
      list={kind === 'metric_name' ? 'known-metrics' : undefined}
      mode={inputModes[kind]}
      isProse={kind === 'text'}
      isRequired={required !== undefined}
      isFirst={isFirst}
      onInput={(text) => change(form, field, text)}
    />
  );
}

export function Below({ field, error, hint }: { field: string; error: string | undefined; hint: string | undefined }) {
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

interface SelectProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  /** Each value, and what it is called. */
  readonly choices: Readonly<Record<string, string>>;
  readonly error?: string | undefined;
  readonly hint?: string | undefined;
  readonly onChange: (value: string) => void;
}

export function Select({ id, label, value, choices, error, hint, onChange }: SelectProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-invalid={error !== undefined}
        aria-describedby={describedBy(id, error, hint)}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {Object.entries(choices).map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
      <Below field={id} error={error} hint={hint} />
    </div>
  );
}

/** One of some values, or none where there is no default. */
export function Choice({ form, field }: { readonly form: Form; readonly field: FieldNameOf<'choice'> }) {
  const { choices } = ruleFields[field];
  const { label }: FormSpec = ruleFields[field].form;
  return (
    <Select
      id={field}
      label={label}
      value={form.draft.value[field]}
      choices={'default' in ruleFields[field] ? choices : { '': 'none', ...choices }}
      error={form.errors.value.get(field)}
      hint={hintOf(field)}
      onChange={(value) => change(form, field, value)}
    />
  );
}

export function Check({ form, field }: { readonly form: Form; readonly field: FieldNameOf<'flag'> }) {
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
export function TagFields({ form }: { readonly form: Form }) {
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
      <MatcherLines
        id="tag-lines"
        label="Other conditions on tags"
        tags={form.draft.value.tags}
        onInput={(lines) => changeTags({ lines })}
      />
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
export function LabelLines({ form }: { readonly form: Form }) {
  const { label, placeholder } = ruleFields.labels.form;
  const { labels } = form.draft.value;
  const errors = [...form.errors.value].filter(([field]) => field.startsWith('labels'));
  const error = errors.length > 0 ? errors.map(([, message]) => message).join('; ') : undefined;
  return (
    <TextInput
      id="labels"
      label={label}
      width="long"
      rows={2}
      placeholder={placeholder}
      value={labels.lines}
      error={error}
      hint={`${hintOf('labels')!} One a line.`}
      onInput={(lines) => {
        form.draft.value = { ...form.draft.value, labels: { ...labels, lines } };
        form.errors.value = new Map([...form.errors.value].filter(([field]) => !field.startsWith('labels')));
      }}
    />
  );
}

interface MatcherLinesProps {
  readonly id: string;
  readonly label: string;
  readonly tags: TagsDraft;
  /** What the server says of them. */
  readonly refusal?: string | undefined;
  readonly onInput: (lines: string) => void;
}

/** What else is asked of tags, a line each. A line is checked when it has been typed. */
export function MatcherLines({ id, label, tags, refusal, onInput }: MatcherLinesProps) {
  const isTyping = useSignal(false);
  const wrong = isTyping.value ? undefined : linesOf(tags).find(({ problem }) => problem !== undefined);
  return (
    <TextInput
      id={id}
      label={label}
      width="long"
      rows={2}
      value={tags.lines}
      error={wrong === undefined ? refusal : `${wrong.line.slice(0, 80)}: ${wrong.problem!}`}
      hint={`One a line: ${matcherTextHint}.`}
      onInput={(lines) => {
        isTyping.value = true;
        onInput(lines);
      }}
      onBlur={() => (isTyping.value = false)}
    />
  );
}

const noTags: MetricTagsView['tags'] = {};

export function useKnownTags(metric: string): MetricTagsView['tags'] {
  const options = { afterMs: typingMs, isWanted: metric !== '' };
  const { value } = useQuery((signal) => findTags(metric, signal), options, [metric]);
  return value.value ?? noTags;
}
