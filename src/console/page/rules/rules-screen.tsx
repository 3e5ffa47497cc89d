import * as css from './rules-screen.module.css';
import type { ComponentType } from 'preact';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Rule } from '../../../rule/rule.ts';
import { BulkBar } from './bulk-bar.tsx';
import { DeleteDialog } from '../parts/delete-dialog.tsx';
import { searchWanted } from '../state/keys.ts';
import type { RuleImportProps } from './rule-import.tsx';
import { status } from '../state/live.ts';
import { addressOf, amend, go } from '../state/router.ts';
import { useFollowedRules, type RuleRows } from './rule-rows.ts';
import { nothingSelected, RuleTable } from './rule-table.tsx';
import { grouped } from '../words/time-text.ts';

interface RulesScreenProps {
  readonly search: string;
  /** Loaded on first use. */
  readonly RuleImport: ComponentType<RuleImportProps>;
}

/** The rules, searched by the server; the search and its filters are in the address. */
export function RulesScreen({ search, RuleImport }: RulesScreenProps) {
  const followed = useFollowedRules(search);
  const selected = useSignal(nothingSelected);
  const deleting = useSignal<Rule | undefined>(undefined);
  const isImporting = useSignal(false);
  const wasImporting = useRef(false);
  wasImporting.current ||= isImporting.value;
  // While another search is running, the last result stays.
  const last = useRef<RuleRows | undefined>(undefined);
  const found = followed.found.value ?? last.current;
  last.current = found;
  useEffect(() => void (selected.value = nothingSelected), [search]);
  const total = status.value?.rules;
  const refresh = (): void => void followed.ask();
  return (
    <div>
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>Rules</h1>
          {total !== undefined && (
            <p class="hint">{total === 0 ? 'None yet' : `${grouped(total)} ${total === 1 ? 'rule' : 'rules'}`}</p>
          )}
        </div>
        <div class="actions writes">
          <button type="button" onClick={() => (isImporting.value = true)}>
            Import
          </button>
          <a class="button primary" href={addressOf({ screen: 'editor', id: undefined })}>
            New rule
          </a>
        </div>
      </div>
      <SearchField search={search} />
      <div class={css.rulesFilter}>
        <StateFilter search={search} />
        <div class={css.rulesNotes} role="status">
          {found !== undefined && search !== '' && found.count > 0 && <span class="hint">{hitsText(found)}</span>}
          {found !== undefined && found.missed > 0 && (
            <button type="button" class="pill" onClick={() => followed.hold(false)}>
              {found.missed === 1 ? '1 change' : `${found.missed} changes`}
            </button>
          )}
        </div>
      </div>
      {followed.failure.value !== '' && (
        <p class="banner" role="alert">
          {followed.failure.value}
        </p>
      )}
      {found !== undefined && (
        <>
          {found.count === 0 ? (
            <NoRules search={search} />
          ) : (
            <>
              <BulkBar search={search} total={found.total} selected={selected} onChanged={refresh} />
              <RuleTable
                followed={followed}
                found={found}
                selected={selected}
                onChanged={refresh}
                onDelete={(rule) => (deleting.value = rule)}
              />
            </>
          )}
        </>
      )}
      <DeleteDialog
        rule={deleting.value}
        onClose={() => (deleting.value = undefined)}
        onDeleted={() => {
          followed.forget(deleting.value!.id);
          deleting.value = undefined;
          refresh();
        }}
      />
      {wasImporting.current && (
        <RuleImport isOpen={isImporting.value} onClose={() => (isImporting.value = false)} onImported={refresh} />
      )}
    </div>
  );
}

function hitsText({ count, total }: RuleRows): string {
  if (total === undefined) return `${grouped(count)} and more match`;
  return total === 1 ? '1 matches' : `${grouped(total)} match`;
}

const states = ['firing', 'pending', 'ok', 'disabled'] as const;

/** Adds a state to the search, or removes it. */
function StateFilter({ search }: { readonly search: string }) {
  const words = search.split(/\s+/).filter((word) => word !== '');
  const others = words.filter((word) => !word.startsWith('state:'));
  const shown = (state: string): boolean => words.includes(`state:${state}`);
  const set = (state: string): void => {
    const next = shown(state) ? others : [...others, `state:${state}`];
    amend({ screen: 'rules', search: next.join(' ') });
  };
  return (
    <div class={css.stateFilter} role="group" aria-label="Only rules that are">
      {states.map((state) => (
        <button
          type="button"
          key={state}
          class={`pill pill-${state}`}
          aria-pressed={shown(state)}
          onClick={() => set(state)}
        >
          {state === 'ok' ? 'OK' : state.charAt(0).toUpperCase() + state.slice(1)}
        </button>
      ))}
    </div>
  );
}

function SearchField({ search }: { readonly search: string }) {
  const input = useRef<HTMLInputElement>(null);
  const wanted = searchWanted.value;
  const seen = useRef(0);
  useEffect(() => {
    if (wanted > seen.current) input.current?.focus();
    seen.current = wanted;
  }, [wanted]);
  return (
    <search class={css.search}>
      <label for="search" class="visually-hidden">
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
        onInput={(event) => amend({ screen: 'rules', search: event.currentTarget.value })}
      />
      <p class="hint" id="search-hint">
        Search by text, <code>metric:cpu*</code>, <code>tag:host=web-1</code>, <code>severity:critical</code> or{' '}
        <code>label:team=payments</code>
      </p>
    </search>
  );
}

function NoRules({ search }: { readonly search: string }) {
  return search === '' ? (
    <div class="empty">
      <p>No rules yet.</p>
      <p class="hint">A rule is a metric, a threshold, and where to send its alarms.</p>
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
