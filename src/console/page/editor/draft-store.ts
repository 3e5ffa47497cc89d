// Keeps a draft in the tab's session storage, without secrets, so that it survives a reload.
import { signal } from '@preact/signals';
import { withoutSecrets, type RuleDraft } from './rule-draft.ts';

interface KeptDraft {
  readonly draft: Partial<RuleDraft>;
  /** The version of the saved rule that the draft is based on. */
  readonly etag: string | undefined;
}

/** Another number when a draft has another form, so that none of a former page is read. */
const keyOf = (id: string | undefined): string => `ssrms-draft-3-${id ?? 'new'}`;

export function keepDraft(id: string | undefined, draft: RuleDraft, etag: string | undefined): void {
  const kept: KeptDraft = { draft: withoutSecrets(draft), etag };
  sessionStorage.setItem(keyOf(id), JSON.stringify(kept));
}

export function keptDraft(id: string | undefined): KeptDraft | undefined {
  const text = sessionStorage.getItem(keyOf(id));
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as KeptDraft;
  } catch {
    return undefined;
  }
}

export function dropDraft(id: string | undefined): void {
  sessionStorage.removeItem(keyOf(id));
}

/** The pending navigation that the leave dialog asks about. */
export const leaving = signal<{ readonly go: () => void } | undefined>(undefined);
