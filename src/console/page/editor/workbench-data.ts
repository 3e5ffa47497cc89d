// The requests of the workbench while a rule is being edited: the metric's samples, and the backtest.
import type { BacktestView } from '../../../wire/backtest.ts';
import type { SamplesView } from '../../../wire/metrics.ts';
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { allRetained } from '../charts/ranges.tsx';
import { ApiError, token } from '../state/api.ts';
import { readSamples, runBacktest, type SamplesWanted } from '../state/inspect.ts';
import { isResting } from '../state/pause.ts';
import { useQuery } from '../state/query.ts';

const samplesEveryMs = 2_000;
/** A drag gives a value every few milliseconds: only the one where it stops is requested. */
const restMs = 30;
/** New samples are evaluated as well, though nothing is typed. */
const backtestEveryMs = 5_000;

/** Requests after a short delay, and then in intervals; a changed request is sent even while the page is paused. */
function askAgain(ask: (signal: AbortSignal) => void, everyMs: number, isWanted = () => !isResting()): () => void {
  const stop = new AbortController();
  const first = setTimeout(() => ask(stop.signal), restMs);
  const timer = setInterval(() => isWanted() && ask(stop.signal), everyMs);
  return () => {
    clearTimeout(first);
    clearInterval(timer);
    stop.abort();
  };
}

/** Without a metric nothing is requested. */
export function useSamples(wanted: SamplesWanted): Signal<SamplesView | undefined> {
  const options = {
    everyMs: samplesEveryMs,
    afterMs: restMs,
    isWanted: wanted.metricName !== '',
    isReset: true,
    isSlow: true,
  };
  // A threshold that is dragged asks for nothing new: its series are in order with the next answer.
  const { order, ...others } = wanted;
  const of = JSON.stringify({ ...others, nearest: order?.nearest });
  const read = async (signal: AbortSignal): Promise<SamplesView> => {
    try {
      return await readSamples(wanted, signal);
    } catch (error) {
      // Groups that are being typed are refused until they are whole: the series are shown meanwhile.
      if (wanted.groups === undefined || !(error instanceof ApiError) || error.status !== 400) throw error;
      return readSamples({ ...wanted, groups: undefined }, signal);
    }
  };
  return useQuery(read, options, [of]).value;
}

/** The newest result. */
export interface BacktestState {
  readonly result?: BacktestView;
  /** The range of that result. */
  readonly seconds: number;
  /** Whether the result is not of this rule and range, or is out of date. */
  readonly isOld: boolean;
  /** Why there is no newer result. */
  readonly refusal?: string;
}

export function useBacktest(rule: object | undefined, seconds: number, id: string | undefined): Signal<BacktestState> {
  const found = useSignal<BacktestState>({ seconds, isOld: false });
  const text = useMemo(() => (rule === undefined ? '' : JSON.stringify(rule)), [JSON.stringify(rule)]);
  const isRunning = useRef(false);
  useEffect(() => {
    if (text === '') {
      found.value = { seconds, isOld: false };
      return undefined;
    }
    found.value = { ...found.value, isOld: true };
    isRunning.current = false;
    const order = { ...(JSON.parse(text) as object), ...(id !== undefined && { id }) };
    const run = async (signal: AbortSignal): Promise<void> => {
      // A long backtest is not interrupted: a second one would compete for the server's cores, and be refused.
      if (isRunning.current) return;
      isRunning.current = true;
      const onResult = (result: BacktestView): void => void (found.value = { result, seconds, isOld: false });
      try {
        await runBacktest(order, seconds === allRetained ? { from_ms: 0 } : { last_seconds: seconds }, {
          signal,
          onResult,
        });
      } catch (error) {
        if (!signal.aborted) found.value = { ...found.value, isOld: true, refusal: wordsOf(error) };
      }
      if (!signal.aborted) isRunning.current = false;
    };
    // A refused request is repeated even while the page is paused: the reason may be that too many were running.
    const isWanted = (): boolean => !isResting() || found.value.refusal !== undefined;
    return askAgain((signal) => void run(signal), backtestEveryMs, isWanted);
  }, [text, seconds, id, token.value]);
  return found;
}

function wordsOf(error: unknown): string {
  if (!(error instanceof ApiError)) return 'the answer broke off';
  return error.fields.length > 0 ? error.fields.map(({ message }) => message).join('; ') : error.message;
}
