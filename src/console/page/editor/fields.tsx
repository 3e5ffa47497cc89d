import type { ComponentChildren } from 'preact';
import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { findTags } from '../state/inspect.ts';
import { Suggestions, typingMs } from '../parts/suggestions.tsx';
import type { RuleDraft } from './rule-draft.ts';

/** What an input needs of the form that it is a part of. */
export interface Form {
  readonly draft: Signal<RuleDraft>;
  /** Messages by field, as the server gave them. */
  readonly errors: Signal<ReadonlyMap<string, string>>;
}

type TextField = Exclude<keyof RuleDraft, 'notify_on_resolve' | 'enabled' | 'tags'>;

interface FieldProps {
  readonly form: Form;
  readonly field: TextField;
  readonly label: string;
  readonly hint?: string;
  readonly unit?: string;
  readonly kind?: 'text' | 'number' | 'url' | 'area';
  readonly isFirst?: boolean;
  readonly isRequired?: boolean;
  readonly placeholder?: string;
  readonly width?: 'short' | 'middle' | 'long';
}

function change(form: Form, field: keyof RuleDraft, value: string | boolean): void {
  form.draft.value = { ...form.draft.value, [field]: value };
  if (!form.errors.value.has(field)) return;
  const errors = new Map(form.errors.value);
  errors.delete(field);
  form.errors.value = errors;
}

/** The ids of what describes an input: its error before its hint. */
function describedBy(field: string, error: string | undefined, hint: string | undefined): string | undefined {
  const ids = [error !== undefined && `${field}-error`, hint !== undefined && `${field}-hint`].filter(
    (id) => id !== false,
  );
  return ids.length > 0 ? ids.join(' ') : undefined;
}

/** An input with its label, its unit, and the server's message at it. */
export function Field({
  form,
  field,
  label,
  hint,
  unit,
  kind = 'text',
  isFirst,
  isRequired,
  placeholder,
  width = 'middle',
}: FieldProps) {
  const error = form.errors.value.get(field);
  const common = {
    id: field,
    value: form.draft.value[field],
    'aria-invalid': error !== undefined,
    'aria-describedby': describedBy(field, error, hint),
    'aria-required': isRequired === true,
    placeholder,
    spellcheck: false,
    ...(isFirst === true && { 'data-first': '' }),
  };
  return (
    <div class={`field field-${width}`}>
      <label for={field}>{label}</label>
      <div class="input">
        {kind === 'area' ? (
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
            list={field === 'metric_name' ? 'known-metrics' : undefined}
            inputMode={kind === 'number' ? 'decimal' : kind === 'url' ? 'url' : 'text'}
            autocomplete="off"
            onInput={(event) => change(form, field, event.currentTarget.value)}
          />
        )}
        {unit !== undefined && (
          <span class="unit" aria-hidden="true">
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
  readonly field: 'operator' | 'type' | 'trigger';
  readonly label: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly hint?: string;
}

export function Choice({ form, field, label, options, hint }: ChoiceProps) {
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
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Below field={field} error={error} hint={hint} />
    </div>
  );
}

export function Check({
  form,
  field,
  children,
}: {
  form: Form;
  field: 'enabled' | 'notify_on_resolve';
  children: ComponentChildren;
}) {
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
        {children}
      </label>
      <Below field={field} error={error} hint={undefined} />
    </div>
  );
}

/** Tags by pairs of inputs. The server names a wrong one as `tags` or `tags.key`. */
export function TagFields({ form }: { readonly form: Form }) {
  const { tags } = form.draft.value;
  const set = (next: RuleDraft['tags']): void => {
    form.draft.value = { ...form.draft.value, tags: next };
    form.errors.value = new Map([...form.errors.value].filter(([field]) => !field.startsWith('tags')));
  };
  const known = useKnownTags(form.draft.value.metric_name);
  const errors = [...form.errors.value].filter(([field]) => field.startsWith('tags'));
  const isWrong = errors.length > 0;
  return (
    <fieldset class="tag-fields" aria-describedby={isWrong ? 'tags-error tags-hint' : 'tags-hint'}>
      <legend>Only series with these tags</legend>
      <Suggestions id="known-tags" texts={Object.keys(known.value)} />
      {tags.map((tag, index) => (
        // Rows have no identity of their own: their place is all that tells them apart.
        <div class="tag-row" key={index}>
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
          <Suggestions id={`known-values-${index}`} texts={known.value[tag.key] ?? []} />
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
      {isWrong && (
        <p class="error" id="tags-error">
          {errors.map(([, message]) => message).join('; ')}
        </p>
      )}
      <p class="hint" id="tags-hint">
        Without tags every series of the metric is watched.
      </p>
    </fieldset>
  );
}

function useKnownTags(metric: string): Signal<Readonly<Record<string, readonly string[]>>> {
  const known = useSignal<Readonly<Record<string, readonly string[]>>>({});
  useEffect(() => {
    if (metric === '') return undefined;
    const soon = setTimeout(() => void findTags(metric).then((tags) => (known.value = tags)), typingMs);
    return () => clearTimeout(soon);
  }, [metric]);
  return known;
}
