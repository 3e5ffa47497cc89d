import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, inTime, token } from './api.ts';
import { isResting } from './pause.ts';

export interface Polled<Value> {
  readonly value: Signal<Value | undefined>;
  /** What the server refused; not a lost connection or a missing token, which the whole page tells of. */
  readonly failure: Signal<ApiError | undefined>;
  readonly refresh: () => void;
}

/** What the server says, asked again and again as long as somebody looks. An older answer never replaces a newer one. */
export function usePolled<Value>(
  read: (signal: AbortSignal) => Promise<Value>,
  everyMs: number,
  of: readonly unknown[],
): Polled<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const failure = useSignal<ApiError | undefined>(undefined);
  const reading = useRef(read);
  reading.current = read;
  const refresh = useRef(() => {});
  useEffect(() => {
    const stop = new AbortController();
    let turn = 0;
    let isAsking = false;
    const ask = async (): Promise<void> => {
      const mine = ++turn;
      isAsking = true;
      try {
        const fresh = await reading.current(inTime(stop.signal));
        if (mine !== turn || stop.signal.aborted) return;
        value.value = fresh;
        failure.value = undefined;
      } catch (error) {
        // Whoever left amid an answer wants none of it.
        if (stop.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (mine === turn && error.status !== 401 && error.status !== 0) failure.value = error;
      } finally {
        if (mine === turn) isAsking = false;
      }
    };
    refresh.current = () => void ask();
    void ask();
    // A slow server is not asked again before it has answered, or nothing of it would ever be shown.
    const timer = setInterval(() => void (isResting() || isAsking || ask()), everyMs);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [...of, token.value]);
  return { value, failure, refresh: () => refresh.current() };
}
