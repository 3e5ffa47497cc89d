import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Rule } from '../../rule/rule.ts';
import { ApiError, api, token, type RuleView } from './api.ts';
import { behaviour, conditionSentence, plainSentence } from './condition-sentence.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { searchWanted } from './keys.ts';
import { isStale, nowMs, status } from './live.ts';
import { tell, tellError } from './notices.tsx';
import { addressOf, amend, go } from './router.ts';
import { RuleFigures } from './rule-figures.tsx';
import { Sentence, StateMark, Tags, type ShownState } from './state-mark.tsx';
import { durationText, numberText } from './time-text.ts';

const everyMs = 2_000;
const typingMs = 150;

interface Found {
  readonly rules: readonly RuleView[];
  readonly next: string | undefined;
}

/** The rules, searched on the server; the search stands in the address. */
export function RulesScreen({ search }: { readonly search: string }) {
  const found = useSignal<Found | undefined>(undefined);
  const failure = useSignal('');
  const pages = useSignal(1);
  const deleting = useSignal<Rule | undefined>(undefined);
  const refresh = useFollowedSearch(search, pages.value, found, failure);
  const total = status.value?.rules;
  return (
    <div class="rules">
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>Rules</h1>
          {total !== undefined && (
            <p class="hint">{total === 0 ? 'None yet' : `${total.toLocaleString('en')} in all`}</p>
          )}
        </div>
        <a class="button primary" href={addressOf({ screen: 'editor', id: undefined })}>
          New rule
        </a>
      </div>
      <SearchField search={search} onSearch={() => (pages.value = 1)} />
      {failure.value !== '' && (
        <p class="banner" role="alert">
          {failure.value}
        </p>
      )}
      {found.value !== undefined && (
        <RuleList
          found={found.value}
          search={search}
          onChanged={refresh}
          onDelete={(rule) => (deleting.value = rule)}
        />
      )}
      {found.value?.next !== undefined && (
        <button type="button" class="more" onClick={() => pages.value++}>
          Show more
        </button>
      )}
      <DeleteDialog
        rule={deleting.value}
        onClose={() => (deleting.value = undefined)}
        onDeleted={() => {
          const gone = deleting.value?.id;
          // The row goes with the dialog, so that the focus is not given back to what is about to vanish.
          if (found.value !== undefined) {
            found.value = { ...found.value, rules: found.value.rules.filter(({ rule }) => rule.id !== gone) };
          }
          deleting.value = undefined;
          refresh();
        }}
      />
    </div>
  );
}

/** Asks again every two seconds, after typing, and when told to. An older answer never replaces a newer one. */
function useFollowedSearch(
  search: string,
  pages: number,
  found: Signal<Found | undefined>,
  failure: Signal<string>,
): () => void {
  const asked = useRef(0);
  const ask = useRef<() => Promise<void>>(async () => {});
  ask.current = async () => {
    const turn = ++asked.current;
    try {
      const rules: RuleView[] = [];
      let next: string | undefined;
      for (let page = 0; page < pages && (page === 0 || next !== undefined); page++) {
        const answer = await api.search(search, next);
        rules.push(...answer.rules);
        next = answer.next;
      }
      if (turn !== asked.current) return;
      found.value = { rules, next };
      failure.value = '';
    } catch (error) {
      if (turn === asked.current && error instanceof ApiError && error.status !== 401 && error.status !== 0)
        failure.value = error.message;
    }
  };
  useEffect(() => {
    const soon = setTimeout(() => void ask.current(), found.value === undefined ? 0 : typingMs);
    const timer = setInterval(() => void (document.hidden || ask.current()), everyMs);
    return () => {
      clearTimeout(soon);
      clearInterval(timer);
      asked.current++;
    };
  }, [search, pages, token.value]);
  return () => void ask.current();
}

function SearchField({ search, onSearch }: { readonly search: string; readonly onSearch: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const wanted = searchWanted.value;
  const seen = useRef(0);
  useEffect(() => {
    if (wanted > seen.current) input.current?.focus();
    seen.current = wanted;
  }, [wanted]);
  return (
    <search class="search">
      <label for="search" class="for-ears">
        Search the rules
      </label>
      <input
        ref={input}
        id="search"
        type="search"
        placeholder="Search"
        autocomplete="off"
        spellcheck={false}
        value={search}
        aria-describedby="search-hint"
        onInput={(event) => {
          amend({ screen: 'rules', search: event.currentTarget.value });
          onSearch();
        }}
      />
      <p class="hint" id="search-hint">
        Words, or <code>metric:cpu*</code> <code>tag:host=web-1</code> <code>state:firing</code>
      </p>
    </search>
  );
}

interface RuleListProps {
  readonly found: Found;
  readonly search: string;
  readonly onChanged: () => void;
  readonly onDelete: (rule: Rule) => void;
}

function RuleList({ found, search, onChanged, onDelete }: RuleListProps) {
  if (found.rules.length === 0) {
    return search === '' ? (
      <div class="empty">
        <p>No rules yet.</p>
        <p class="hint">A rule is a metric, a threshold and the Discord webhook that hears of it.</p>
      </div>
    ) : (
      <div class="empty">
        <p>No rule matches this search.</p>
        <button type="button" onClick={() => go({ screen: 'rules', search: '' })}>
          Show all rules
        </button>
      </div>
    );
  }
  return (
    <ul class={isStale.value ? 'rule-list stale' : 'rule-list'} aria-label="Rules">
      {found.rules.map((view) => (
        <RuleRow key={view.rule.id} view={view} onChanged={onChanged} onDelete={onDelete} />
      ))}
    </ul>
  );
}

function shownState(view: RuleView): ShownState {
  return view.state === 'firing' && view.worst?.cause === 'no_data' ? 'no-data' : view.state;
}

function RuleRow({
  view,
  onChanged,
  onDelete,
}: {
  view: RuleView;
  onChanged: () => void;
  onDelete: (rule: Rule) => void;
}) {
  const { rule } = view;
  const parts = conditionSentence({ ...rule, tags: {} });
  const name = plainSentence(conditionSentence(rule));
  const also = behaviour(rule);
  return (
    <li class={`rule rule-${shownState(view)}`}>
      <div class="rule-state">
        <StateMark state={shownState(view)} count={view.firing} />
      </div>
      <div class="rule-main">
        <a class="rule-link" href={addressOf({ screen: 'rule', id: rule.id })}>
          <Sentence parts={parts} />
        </a>
        <Tags tags={rule.tags} />
        {rule.description !== undefined && rule.description !== '' && <p class="description">{rule.description}</p>}
        <p class="hint">{[seenText(view), ...also].join(' · ')}</p>
      </div>
      <RuleFigures view={view} />
      <div class="rule-actions">
        <EnabledSwitch rule={rule} name={name} onChanged={onChanged} />
        <a class="button quiet" href={addressOf({ screen: 'editor', id: rule.id })} aria-label={`Edit: ${name}`}>
          Edit
        </a>
        <button type="button" class="quiet danger" aria-label={`Delete: ${name}`} onClick={() => onDelete(rule)}>
          Delete
        </button>
      </div>
    </li>
  );
}

function seenText({ series, worst, state }: RuleView): string {
  if (state === 'disabled') return 'Kept, and evaluated by nothing';
  if (worst?.since_ms !== undefined) {
    const value = worst.value === null ? 'silent' : `at ${numberText(worst.value)}`;
    return `${value} for ${durationText(nowMs.value - worst.since_ms)}`;
  }
  return series === 0 ? 'Has not fired yet' : `${series} series calm`;
}

/** Enabling and disabling can be undone, so nobody is asked. */
export function EnabledSwitch({ rule, name, onChanged }: { rule: Rule; name: string; onChanged: () => void }) {
  const isBusy = useSignal(false);
  const isOn = rule.enabled ?? true;
  const set = async (enabled: boolean): Promise<void> => {
    isBusy.value = true;
    try {
      const now = await api.rule(rule.id);
      const { id: _id, enabled: _enabled, ...fields } = now.rule;
      await api.replace(rule.id, enabled ? fields : { ...fields, enabled }, now.etag);
      tell(enabled ? `Enabled: ${name}` : `Disabled: ${name}`, () => void set(!enabled));
    } catch (error) {
      tellError(`Not changed: ${error instanceof Error ? error.message : String(error)}`);
    }
    isBusy.value = false;
    onChanged();
  };
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isOn}
      aria-label={`Enabled: ${name}`}
      title={isOn ? 'Enabled' : 'Disabled'}
      aria-disabled={isBusy.value}
      onClick={() => void (isBusy.value || set(!isOn))}
    >
      <span class="knob" aria-hidden="true" />
    </button>
  );
}
