import * as css from './rule-editor.module.css';
import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { needsParameter } from '../../../measure/measures.ts';
import { fieldNames, formGroups, isField, ruleFields } from '../../../rule/rule-fields.ts';
import type { Rule } from '../../../rule/rule.ts';
import { ApiError, api, type VersionedRule } from '../state/api.ts';
import { DeleteDialog } from '../parts/delete-dialog.tsx';
import { dropDraft, keepDraft, keptDraft } from './draft-store.ts';
import { MetricSuggestions } from '../parts/suggestions.tsx';
import { FieldInput } from './field-input.tsx';
import { Choice, Field, type Form } from './fields.tsx';
import { isGroupFieldShown } from './group-fields.tsx';
import { reportInForce } from './in-force.ts';
import { LeaveDialog } from './leave-dialog.tsx';
import { useQuery } from '../state/query.ts';
import { addressOf, go } from '../state/router.ts';
import { Conflict } from './rule-conflict.tsx';
import { draftOf, emptyDraft, fieldsOf, type RuleDraft } from './rule-draft.ts';
import { RulePreview } from './rule-preview.tsx';
import { RuleCurl, RuleJson } from './rule-text.tsx';
import { SendTest } from './send-test.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { Workbench } from './workbench.tsx';

/** Creates a rule, or edits the one with this id. */
export function RuleEditor({ id }: { readonly id: string | undefined }) {
  const draft = useSignal<RuleDraft>({ ...emptyDraft, ...(id === undefined && keptDraft(id)?.draft) });
  const errors = useSignal<ReadonlyMap<string, string>>(new Map());
  const saved = useSignal<VersionedRule | undefined>(undefined);
  const failure = useSignal('');
  const { failure: unread } = useQuery(
    async (signal) => {
      const now = await api.rule(id!, signal);
      const kept = keptDraft(id);
      // Saving a draft of an older version is refused, and shows what has changed since.
      saved.value = { ...now, etag: kept?.etag ?? now.etag };
      draft.value = { ...draftOf(now.rule), ...kept?.draft };
      return now;
    },
    { isWanted: id !== undefined && saved.value === undefined, showsUnreachable: true },
    [id],
  );

  if (unread.value?.status === 404) {
    return (
      <div class="empty">
        <h1 tabIndex={-1}>Rule not found</h1>
        <p>It may have been deleted.</p>
        <a class="button" href={addressOf({ screen: 'rules', search: '' })}>
          All rules
        </a>
      </div>
    );
  }
  const isLoading = id !== undefined && saved.value === undefined;
  return (
    <div class={css.editor}>
      <p class="crumb">
        <a href={addressOf({ screen: 'rules', search: '' })}>Rules</a>
      </p>
      <h1 tabIndex={-1}>{id === undefined ? 'New rule' : 'Edit rule'}</h1>
      {isLoading ? (
        <p class={unread.value === undefined ? 'hint' : 'banner'}>{unread.value?.message ?? 'Loading…'}</p>
      ) : (
        <EditorForm id={id} form={{ draft, errors }} saved={saved} failure={failure} />
      )}
    </div>
  );
}

interface EditorFormProps {
  readonly id: string | undefined;
  readonly form: Form;
  readonly saved: Signal<VersionedRule | undefined>;
  readonly failure: Signal<string>;
}

function EditorForm({ id, form, saved, failure }: EditorFormProps) {
  const { draft, errors } = form;
  const isBusy = useSignal(false);
  const theirs = useSignal<VersionedRule | undefined>(undefined);
  const isDeleting = useSignal(false);
  const fields = fieldsOf(draft.value, saved.value?.rule);
  const view = useSignal<View>('Form');
  const dirty = isDirty(draft.value, saved.value?.rule);
  const wasKept = useSignal(dirty);
  useEffect(() => {
    if (dirty) keepDraft(id, draft.value, saved.value?.etag);
    else dropDraft(id);
  }, [draft.value, dirty]);

  const refuse = async (error: unknown): Promise<void> => {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) return;
    if (error.status === 412) {
      theirs.value = await api.rule(id!);
      return;
    }
    errors.value = new Map(error.fields.map(({ field, message }) => [field, message]));
    failure.value = error.fields.length > 0 ? unplaced(error) : error.message;
    view.value = 'Form';
    // Once the errors are shown: opens folded groups, and focuses the first wrong field.
    requestAnimationFrame(() => {
      for (const details of document.querySelectorAll<HTMLDetailsElement>('main details')) {
        if (details.querySelector('[aria-invalid="true"]') !== null) details.open = true;
      }
      document.querySelector<HTMLElement>('main [aria-invalid="true"]')?.focus();
    });
  };
  const save = async (etag: string): Promise<void> => {
    isBusy.value = true;
    failure.value = '';
    errors.value = new Map();
    try {
      const written = await (id === undefined ? api.create(fields) : api.replace(id, fields, etag));
      theirs.value = undefined;
      saved.value = written;
      draft.value = draftOf(written.rule);
      dropDraft(id);
      await rendered();
      void reportInForce(written.rule.id, id === undefined ? 'Rule created.' : 'Rule saved.');
      go({ screen: 'rules', search: '' });
    } catch (error) {
      await refuse(error).catch((again: unknown) => (failure.value = String(again)));
    }
    isBusy.value = false;
  };
  const takeTheirs = (): void => {
    saved.value = theirs.value;
    draft.value = draftOf(theirs.value!.rule);
    theirs.value = undefined;
  };
  return (
    <div class={css.editorColumns}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy.value) void save(saved.value?.etag ?? '');
        }}
      >
        {wasKept.value && dirty && (
          <p class={css.keptDraft}>
            <span>Your draft was kept, without a webhook that you typed.</span>
            <button
              type="button"
              class="small"
              onClick={() => {
                wasKept.value = false;
                draft.value = saved.value === undefined ? emptyDraft : draftOf(saved.value.rule);
                if (id !== undefined) void api.rule(id).then((now) => (saved.value = now));
              }}
            >
              Discard it
            </button>
          </p>
        )}
        <Tabs label="Format" names={views} selected={view}>
          {view.value === 'Form' && (
            <div class={css.editorFields}>
              <MetricSuggestions text={draft.value.metric_name} />
              <MainSentence form={form} fields={fields} />
              <FoldedFields form={form} />
            </div>
          )}
          {view.value === 'JSON' && <RuleJson form={form} fields={fields} />}
          {view.value === 'curl' && <RuleCurl id={id} fields={fields} />}
        </Tabs>
        {theirs.value !== undefined && (
          <Conflict
            mine={fields}
            theirs={theirs.value.rule}
            onTheirs={takeTheirs}
            onMine={() => void save(theirs.value!.etag)}
          />
        )}
        {failure.value !== '' && (
          <p class="banner" role="alert">
            {failure.value}
          </p>
        )}
        <div class={`actions ${css.actionsForm}`}>
          {id !== undefined && (
            <button type="button" class="quiet danger" onClick={() => (isDeleting.value = true)}>
              Delete
            </button>
          )}
          <span class={css.gap} />
          <a class="button" href={addressOf({ screen: 'rules', search: '' })}>
            Cancel
          </a>
          <button type="submit" class="primary" aria-disabled={isBusy.value}>
            {isBusy.value ? 'Saving…' : id === undefined ? 'Create rule' : 'Save'}
          </button>
        </div>
      </form>
      <div class={css.editorSide}>
        <Workbench form={form} fields={fields} saved={saved.value?.rule} />
        <RulePreview fields={saved.value === undefined ? fields : { ...fields, id: saved.value.rule.id }} />
      </div>
      <DeleteDialog
        rule={isDeleting.value ? saved.value?.rule : undefined}
        etag={saved.value?.etag}
        onClose={() => (isDeleting.value = false)}
        onDeleted={() => {
          draft.value = draftOf(saved.value!.rule);
          dropDraft(id);
          void rendered().then(() => go({ screen: 'rules', search: '' }));
        }}
      />
      <LeaveDialog isDirty={dirty} onLeave={() => dropDraft(id)} />
    </div>
  );
}

const views = ['Form', 'JSON', 'curl'] as const;
type View = (typeof views)[number];

/** Waits for a render, so that the leave guard sees the form as saved. */
const rendered = (): Promise<void> =>
  new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => resolve()), 0));

/** Errors of fields that have no input here. */
function unplaced(error: ApiError): string {
  const elsewhere = error.fields.filter(({ field }) => !isField(field.split('.')[0] ?? ''));
  return elsewhere.map(({ message }) => message).join('; ');
}

function isDirty(draft: RuleDraft, saved: Rule | undefined): boolean {
  return JSON.stringify(draft) !== JSON.stringify(saved === undefined ? emptyDraft : draftOf(saved));
}

function MainSentence({ form, fields }: { readonly form: Form; readonly fields: Record<string, unknown> }) {
  const { type } = form.draft.value;
  return (
    <div class={`card ${css.sentenceForm}`}>
      <div class={css.sentenceLine}>
        <span class={css.word}>When</span>
        <Field form={form} field="metric_name" isFirst />
        <Choice form={form} field="type" />
        {needsParameter(type, 'percentile') && <Field form={form} field="percentile" />}
        <Choice form={form} field="operator" />
        <Field form={form} field="threshold" />
        {needsParameter(type, 'window_duration_seconds') && (
          <>
            <span class={css.word}>over</span>
            <Field form={form} field="window_duration_seconds" />
          </>
        )}
      </div>
      <div class={css.sentenceLine}>
        <span class={css.word}>notify</span>
        <Field form={form} field="discord_webhook_url" />
      </div>
      <SendTest fields={fields} />
    </div>
  );
}

/** The fields that are not in the sentence, by group. */
function FoldedFields({ form }: { readonly form: Form }) {
  return (
    <>
      {Object.entries(formGroups).map(([group, { title, isWide }]) => (
        <details class="card" key={group}>
          <summary>{title}</summary>
          <div class={isWide ? 'stack' : css.grid}>
            {fieldNames
              .filter((field) => ruleFields[field].form.group === group && isGroupFieldShown(form.draft.value, field))
              .map((field) => (
                <FieldInput key={field} form={form} field={field} />
              ))}
          </div>
        </details>
      ))}
    </>
  );
}
