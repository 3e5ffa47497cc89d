import type { Signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { ApiError } from './api.ts';
import { withHead, withMore, type Page, type PagedList, type PageShape } from './paged-list.ts';
import { useQuery } from './query.ts';

interface PagedOptions<Item, Answer extends Page> extends PageShape<Item, Answer> {
  readonly read: (after: string | undefined, signal: AbortSignal) => Promise<Answer>;
  readonly everyMs: number;
}

export interface Paged<Item, Answer> {
  /** undefined: not read yet. */
  readonly list: Signal<PagedList<Item, Answer> | undefined>;
  readonly failure: Signal<ApiError | undefined>;
  readonly more: () => void;
}

/** A list from the server, newest first: its first page is polled, older pages are read on demand. */
export function usePaged<Item, Answer extends Page>(
  options: PagedOptions<Item, Answer>,
  of: readonly unknown[],
): Paged<Item, Answer> {
  const { read, everyMs } = options;
  const isMore = useRef(false);
  const { value, failure, extend } = useQuery<PagedList<Item, Answer>>(
    async (signal, before) => {
      const answer = await read(undefined, signal);
      return withHead(before(), answer, options);
    },
    { everyMs, isReset: true },
    of,
  );
  const more = async (): Promise<void> => {
    const after = value.value?.next;
    if (after === undefined || isMore.current) return;
    isMore.current = true;
    await extend(
      (signal) => read(after, signal),
      (before, answer) => withMore(before, answer, options),
    );
    isMore.current = false;
  };
  return { list: value, failure, more: () => void more() };
}
