import * as css from './rule-versions.module.css';
import { isSecretField } from '../../../rule/rule-fields.ts';
import type { FieldChange } from '../../../wire/fields.ts';
import type { RuleVersionView } from '../../../wire/rules.ts';
import { conditionSentence, plainSentence } from '../words/condition-sentence.ts';
import { readVersions } from '../state/past.ts';
import { useQuery } from '../state/query.ts';
import { agoText, momentText } from '../words/time-text.ts';
import { nowMs } from '../state/live.ts';

/** Each request reads the log, and a rule is seldom edited. */
const everyMs = 15_000;
const shownAtFirst = 5;

/** The versions of the rule that the log still holds, newest first, each with what it changed. */
export function RuleVersions({ id }: { readonly id: string }) {
  const { value, failure } = useQuery((signal) => readVersions(id, signal), { everyMs }, [id]);
  const versions = value.value?.toReversed();
  return (
    <section class="card past-card">
      <div class="section-head">
        <h2>Versions</h2>
        <p class="hint">The current version is always kept; older ones may be removed.</p>
      </div>
      {failure.value !== undefined && <p class="banner">{failure.value.message}</p>}
      {versions === undefined ? (
        <p class="hint">Loading…</p>
      ) : (
        <>
          <ol class={css.versions} data-part="versions">
            {versions.slice(0, shownAtFirst).map(shown(versions.length))}
          </ol>
          {versions.length > shownAtFirst && (
            <details class="firings">
              <summary>{versions.length - shownAtFirst} older versions</summary>
              <ol class={css.versions} data-part="versions" start={shownAtFirst + 1}>
                {versions.slice(shownAtFirst).map(shown(versions.length - shownAtFirst))}
              </ol>
            </details>
          )}
        </>
      )}
    </section>
  );
}

/** `count`: the length of the mapped list; its last item is the oldest version held. */
function shown(count: number) {
  return (version: RuleVersionView, index: number) => (
    <Version key={`${version.partition}-${version.offset}`} version={version} isFirst={index === count - 1} />
  );
}

function Version({ version, isFirst }: { readonly version: RuleVersionView; readonly isFirst: boolean }) {
  const { changes, rule, at_ms: atMs, partition, offset, author } = version;
  return (
    <li>
      <p class={css.versionHead}>
        <time dateTime={new Date(atMs).toISOString()} title={momentText(atMs)}>
          {agoText(nowMs.value - atMs)}
        </time>
        <span class="hint">
          version {partition}-{offset}
          <By author={author} />
        </span>
      </p>
      {isFirst ? <p>{plainSentence(conditionSentence(rule))}</p> : <Changes changes={changes} />}
    </li>
  );
}

/** What an edit changed. */
export function Changes({ changes }: { readonly changes: readonly FieldChange[] }) {
  if (changes.length === 0) return <p class="hint">Saved without a change.</p>;
  return (
    <ul class={css.changes}>
      {changes.map((change) => (
        <li key={change.field}>
          <Change change={change} />
        </li>
      ))}
    </ul>
  );
}

/** Who did it, as far as that is known: without tokens everybody is anonymous. */
export function By({ author = 'anonymous' }: { readonly author: string | undefined }) {
  return author === 'anonymous' ? null : <> by {author}</>;
}

/** One field that was changed, added or removed. */
export function Change({ change: { field, from, to } }: { readonly change: FieldChange }) {
  if (isSecretField(field)) return <>another webhook</>;
  return (
    <>
      <code>{field}</code>{' '}
      {from === undefined ? (
        'added: '
      ) : (
        <>
          <del>{textOf(from)}</del> <span aria-hidden="true">→</span>
          <span class="visually-hidden"> to </span>{' '}
        </>
      )}
      {to === undefined ? 'removed' : <ins>{textOf(to)}</ins>}
    </>
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
