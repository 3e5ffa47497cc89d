import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, inTime, token } from './api.ts';
import { isResting } from './pause.ts';

export interface QueryOptions<Value> {
  /** Repeat interval while the tab is visible; undefined: request once. */
  readonly everyMs?: number | undefined;
  /** Delay before the first request, so that typing and dragging do not send one for each step. */
  readonly afterMs?: number;
  /** false: nothing is requested, and the value is undefined. */
  readonly isWanted?: boolean;
  /** Whether the newest value can no longer change. */
  readonly isFinal?: (value: Value | undefined, failure: ApiError | undefined) => boolean;
  /** Whether the value is dropped at once when `of` changes, instead of kept until the new one arrives. */
  readonly isReset?: boolean;
  /** For an answer that may take long: no timeout. */
  readonly isSlow?: boolean;
  /** Whether an unreachable server is a failure as well. Most screens leave that to the connection chip. */
  readonly showsUnreachable?: boolean;
}

export interface Query<Value> {
  /** The newest answer; undefined: none yet. It is kept while a newer one cannot be read. */
  readonly value: Signal<Value | undefined>;
  /** What the server refused. Not a missing token, which the whole page shows, nor a lost connection. */
  readonly failure: Signal<ApiError | undefined>;
  readonly refresh: () => void;
  /** Requests something beside the value, and updates the value with the answer. */
  readonly extend: <More>(
    read: (signal: AbortSignal) => Promise<More>,
    take: (value: Value, more: More) => Value,
  ) => Promise<void>;
}

/**
 * Data of the server for a component, while it is mounted. `of` identifies what is requested: when it or the token changes,
 * a new request is sent. An older answer never replaces a newer one, and a slow server gets no second request before it has
 * answered; otherwise no answer would ever be shown. `read` may use the previous value, to merge.
 */
export function useQuery<Value>(
  read: (signal: AbortSignal, before: () => Value | undefined) => Promise<Value>,
  options: QueryOptions<Value>,
  of: readonly unknown[],
): Query<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const failure = useSignal<ApiError | undefined>(undefined);
  const latest = useRef({ read, options });
  latest.current = { read, options };
  const current = useRef({ stop: new AbortController(), ask: async (): Promise<void> => {} });
  const { isWanted = true } = options;
  useEffect(() => {
    if (latest.current.options.isReset === true || !isWanted) value.value = undefined;
    if (!isWanted) return undefined;
    const stop = new AbortController();
    let turn = 0;
    let isAsking = false;
    const ask = async (): Promise<void> => {
      const mine = ++turn;
      isAsking = true;
      try {
        const signal = latest.current.options.isSlow === true ? stop.signal : inTime(stop.signal);
        const fresh = await latest.current.read(signal, () => value.peek());
        if (mine !== turn || stop.signal.aborted) return;
        value.value = fresh;
        failure.value = undefined;
      } catch (error) {
        if (mine === turn) fail(error, stop.signal);
      } finally {
        if (mine === turn) isAsking = false;
      }
    };
    current.current = { stop, ask };
    const { afterMs, everyMs } = latest.current.options;
    const first = afterMs === undefined ? void ask() : setTimeout(() => void ask(), afterMs);
    const isDone = (): boolean => latest.current.options.isFinal?.(value.peek(), failure.peek()) === true;
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => void (isResting() || isAsking || isDone() || ask()), everyMs);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      stop.abort();
    };
  }, [...of, isWanted, options.everyMs, token.value]);

  const fail = (error: unknown, signal: AbortSignal): void => {
    // The component was unmounted before the answer arrived.
    if (signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    if (isRefused(error) || (error.status === 0 && latest.current.options.showsUnreachable === true))
      failure.value = error;
  };
  return {
    value,
    failure,
    refresh: () => void current.current.ask(),
    async extend(more, take) {
      const { signal } = current.current.stop;
      try {
        const answer = await more(inTime(signal));
        if (signal.aborted || value.value === undefined) return;
        value.value = take(value.value, answer);
        failure.value = undefined;
      } catch (error) {
        fail(error, signal);
      }
    },
  };
}

/** Whether the screen shows this failure, rather than the whole page. */
export const isRefused = ({ status }: ApiError): boolean => status !== 401 && status !== 0;
