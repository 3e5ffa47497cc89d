import * as css from './state-mark.module.css';
import type { AlarmView } from '../../../wire/alarms.ts';
import type { Severity } from '../../../rule/severity.ts';
import type { SentencePart } from '../../../rule/compared-words.ts';

export type ShownState =
  | 'firing'
  | 'no-data'
  | 'pending'
  | 'ok'
  | 'disabled'
  | 'ended'
  | 'live'
  | 'silent'
  | 'stopped'
  | 'made'
  | 'changed'
  | 'deleted'
  | 'parked'
  | 'dead'
  | 'expired'
  | 'failing'
  | 'waiting'
  | 'quiet'
  | 'unused';

const marks: Record<ShownState, { glyph: string; word: string }> = {
  firing: { glyph: '▲', word: 'Firing' },
  'no-data': { glyph: '∅', word: 'No data' },
  pending: { glyph: '◔', word: 'Pending' },
  ok: { glyph: '✓', word: 'OK' },
  disabled: { glyph: '–', word: 'Disabled' },
  ended: { glyph: '✓', word: 'Ended' },
  live: { glyph: '●', word: 'Running' },
  silent: { glyph: '∅', word: 'Silent' },
  stopped: { glyph: '■', word: 'Stopped' },
  made: { glyph: '+', word: 'Made' },
  changed: { glyph: '≠', word: 'Changed' },
  deleted: { glyph: '−', word: 'Deleted' },
  parked: { glyph: '‖', word: 'Parked' },
  dead: { glyph: '✗', word: 'Dead' },
  expired: { glyph: '✗', word: 'Expired' },
  failing: { glyph: '✗', word: 'Failing' },
  waiting: { glyph: '◔', word: 'Waiting' },
  quiet: { glyph: '–', word: 'Quiet' },
  unused: { glyph: '–', word: 'Unused' },
};

/** A state as glyph, word and colour: any one of the three is enough. */
export function StateMark({ state, count }: { readonly state: ShownState; readonly count?: number }) {
  const { glyph, word } = marks[state];
  return (
    <span class={css.state} data-part="state" data-state={state}>
      <span class={css.glyph} aria-hidden="true">
        {glyph}
      </span>
      {word}
      {count !== undefined && count > 1 && <span class={css.count}>{count}</span>}
    </span>
  );
}

export function Sentence({ parts }: { readonly parts: readonly SentencePart[] }) {
  return (
    <>{parts.map((part) => (part.kind === 'text' ? part.text : <b class={`part-${part.kind}`}>{part.text}</b>))}</>
  );
}

export function SeverityMark({ severity }: { readonly severity: Severity | undefined }) {
  if (severity === undefined) return null;
  return (
    <span class={css.severity} data-severity={severity}>
      {severity}
    </span>
  );
}

export function RunbookLink({ url }: { readonly url: string | undefined }) {
  // A record of somebody else's may say anything.
  if (url?.startsWith('https://') !== true) return null;
  return (
    <p>
      <a href={url} target="_blank" rel="noreferrer">
        Runbook
      </a>
    </p>
  );
}

/** The tags of a series, or of a group, whose members may lack one. */
export function shownTags({ tags, group }: Pick<AlarmView, 'tags' | 'group'>): AlarmView['tags'] {
  return group === undefined
    ? tags
    : Object.fromEntries(Object.entries(group).map(([key, value]) => [key, value ?? '(none)']));
}

interface TagsProps {
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly label?: string;
}

export function Tags({ tags, label = 'Tags' }: TagsProps) {
  const pairs = Object.entries(tags ?? {});
  if (pairs.length === 0) return null;
  return (
    <ul class={css.tags} data-part="tags" aria-label={label}>
      {pairs.map(([key, value]) => (
        <li key={key}>
          <span>{key}</span>
          {value}
        </li>
      ))}
    </ul>
  );
}
