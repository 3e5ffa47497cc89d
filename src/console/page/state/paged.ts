import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, inTime, token } from './api.ts';
import { isResting } from './pause.ts';
import { withHead, withMore, type Page, type PagedList, type PageShape } from './paged-list.ts';

interface PagedOptions<Item, Answer extends Page> extends PageShape<Item, Answer> {
  readonly read: (after: string | undefined, signal: AbortSignal) => Promise<Answer>;
  readonly everyMs: number;
}

export interface Paged<Item, Answer> {
  /** undefined: nothing was read yet. */
  readonly list: Signal<PagedList<Item, Answer> | undefined>;
  /** What the server refused; not a lost connection or a missing token, which the whole page tells of. */
  readonly failure: Signal<ApiError | undefined>;
  readonly more: () => void;
  readonly refresh: () => void;
}

/** A list of the server's, newest first: its first page is asked for again and again, older ones when somebody wants them. */
export function usePaged<Item, Answer extends Page>(
  options: PagedOptions<Item, Answer>,
  of: readonly unknown[],
): Paged<Item, Answer> {
  const list = useSignal<PagedList<Item, Answer> | undefined>(undefined);
  const failure = useSignal<ApiError | undefined>(undefined);
  const latest = useRef(options);
  latest.current = options;
  const ask = useRef(async (_after: string | undefined): Promise<void> => {});
  useEffect(() => {
    const stop = new AbortController();
    list.value = undefined;
    const isBusy = { first: false, more: false };
    ask.current = async (after) => {
      const turn = after === undefined ? 'first' : 'more';
      if (isBusy[turn]) return;
      isBusy[turn] = true;
      try {
        const answer = await latest.current.read(after, inTime(stop.signal));
        if (stop.signal.aborted) return;
        const before = list.value;
        list.value =
          before === undefined || after === undefined
            ? withHead(before, answer, latest.current)
            : withMore(before, answer, latest.current);
        failure.value = undefined;
      } catch (error) {
        // Whoever left amid an answer wants none of it.
        if (stop.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.status !== 401 && error.status !== 0) failure.value = error;
      } finally {
        isBusy[turn] = false;
      }
    };
    void ask.current(undefined);
    const timer = setInterval(() => void (isResting() || ask.current(undefined)), options.everyMs);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [...of, token.value]);
  return {
    list,
    failure,
    more: () => void (list.value?.next !== undefined && ask.current(list.value.next)),
    refresh: () => void ask.current(undefined),
  };
}
