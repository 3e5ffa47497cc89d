import * as css from './backtest-result.module.css';
import type { BacktestView, FiringView } from '../../../wire/backtest.ts';
import { FireList } from './fire-list.tsx';
import { missingFires } from './fires.ts';
import { allRetained } from '../charts/ranges.tsx';
import type { BacktestState } from './workbench-data.ts';
import { noiseOf, type Noise } from './noise.ts';
import type { Rule } from '../../../rule/rule.ts';
import { clockText, durationText, grouped, timesText } from '../words/time-text.ts';

interface ResultProps extends Pick<Parameters<typeof FireList>[0], 'rule' | 'opened'> {
  readonly backtest: BacktestState;
  /** The backtest of the saved rule, while another version is being edited. */
  readonly before: BacktestView | undefined;
}

const namedMax = 5;

const noiseWords: Record<Noise, string> = { quiet: 'Quiet', useful: 'Useful', noisy: 'Noisy' };

export function BacktestResult({ backtest, before, ...fires }: ResultProps) {
  const { result, refusal } = backtest;
  if (result === undefined && refusal === undefined) {
    return (
      <p class={`${css.result} hint`} data-part="backtest">
        {backtest.isOld
          ? 'Running the backtest…'
          : 'Choose a metric and a threshold to see how often this would have fired.'}
      </p>
    );
  }
  return (
    <div class={css.result} data-part="backtest">
      {refusal !== undefined && (
        <p class={css.refusal} data-part="backtest-refusal" role="status">
          {result === undefined ? 'No result' : 'Could not update; showing the last result'}: {refusal}.
        </p>
      )}
      {result !== undefined && (
        <div
          class={backtest.isOld ? `${css.summary} ${css.resultOld}` : css.summary}
          data-part={backtest.isOld ? 'backtest-old' : undefined}
        >
          <Summary result={result} seconds={backtest.seconds} before={before} {...fires} />
        </div>
      )}
    </div>
  );
}

interface SummaryProps extends Omit<ResultProps, 'backtest'> {
  readonly result: BacktestView;
  readonly seconds: number;
}

function Summary({ result, seconds, before, rule, opened }: SummaryProps) {
  const noise = noiseOf(result);
  return (
    <>
      <p role="status" class={css.resultWords} data-part="backtest-words" data-live>
        <span class={css.noise} data-noise={noise}>
          {noiseWords[noise]}
        </span>
        <span>
          Would {result.fired === 0 && 'not '}have fired
          {result.fired > 0 && (
            <>
              {' '}
              <b class="part-number">{timesText(result.fired)}</b>
            </>
          )}{' '}
          {seconds === allRetained ? 'in all retained samples' : `in the last ${rangeText(seconds)}`}
          {result.longest_ms > 0 && ` (longest: ${durationText(result.longest_ms)})`}
          {result.deferred > 0 && `; ${result.deferred} messages held back by the cooldown`}
          {result.series > 1 && `; ${firedText(result, rule.fields)}`}.
          {before !== undefined && (
            <b class={css.difference}>
              {' '}
              Now {result.fired}, before {before.fired}.
            </b>
          )}
        </span>
      </p>
      <p class="hint">
        {result.complete ? 'Replayed' : 'Replaying: so far'} {grouped(result.samples)} samples
        {result.from_ms !== undefined && ` from ${clockText(result.from_ms)} to ${clockText(result.to_ms!)}`} (
        {Math.round(result.took_ms)} ms).
        {result.cut_short === 'retention' && ' Older samples are no longer retained.'}
        {result.cut_short === 'too_many_samples' && ' Only the newest samples were replayed.'}
      </p>
      {before !== undefined && <Differences result={result} before={before} />}
      <FireList result={result} rule={rule} opened={opened} />
    </>
  );
}

/** Groups that never fired are not counted. */
function firedText({ series, series_fired: fired }: BacktestView, { group_by: by }: Partial<Rule>): string {
  if (by === undefined) return `${fired} of ${series} series`;
  return fired === 1 ? '1 group' : `${fired} groups`;
}

/** Which alarms the edit adds, and which it removes. */
function Differences({ result, before }: { readonly result: BacktestView; readonly before: BacktestView }) {
  const named = (word: string, fires: readonly FiringView[]): string => {
    const newest = fires.slice(-namedMax).map(({ fired_ms: firedMs }) => clockText(firedMs));
    const more = fires.length - newest.length;
    return fires.length === 0 ? '' : `${word} ${newest.join(', ')}${more > 0 ? `, and ${more} before` : ''}.`;
  };
  const words = `${named('New:', missingFires(result, before))} ${named('Gone:', missingFires(before, result))}`.trim();
  return words === '' ? null : <p class={css.difference}>{words}</p>;
}

const rangeText = (seconds: number): string => (seconds === 3_600 ? 'hour' : durationText(seconds * 1_000));
