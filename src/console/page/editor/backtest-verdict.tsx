import * as css from './backtest-verdict.module.css';
import type { BacktestView, FiringView } from '../../../wire/backtest.ts';
import { FireList } from './fire-list.tsx';
import { missingFires } from './fires.ts';
import { allRetained } from '../charts/ranges.tsx';
import type { Judged } from './workbench-data.ts';
import { noiseOf, type Noise } from './noise.ts';
import { clockText, durationText, grouped } from '../words/time-text.ts';

interface VerdictProps extends Pick<Parameters<typeof FireList>[0], 'rule' | 'opened'> {
  readonly judged: Judged;
  /** The backtest of the saved rule, while another version is being edited. */
  readonly before: BacktestView | undefined;
}

const namedMax = 5;

const noiseWords: Record<Noise, string> = { quiet: 'Quiet', useful: 'Useful', noisy: 'Noisy' };

export function BacktestVerdict({ judged, before, ...fires }: VerdictProps) {
  const { result, refusal } = judged;
  if (result === undefined && refusal === undefined) {
    return (
      <p class={`${css.verdict} hint`} data-part="verdict">
        {judged.isOld
          ? 'Asking the evaluator…'
          : 'With a metric and a threshold, this says how often it would have fired.'}
      </p>
    );
  }
  return (
    <div class={css.verdict} data-part="verdict">
      {refusal !== undefined && (
        <p class={css.verdictRefusal} data-part="verdict-refusal" role="status">
          {result === undefined ? 'No verdict' : 'No new verdict, this is the last one'}: {refusal}.
        </p>
      )}
      {result !== undefined && (
        <div
          class={judged.isOld ? `${css.verdictSaid} ${css.verdictOld}` : css.verdictSaid}
          data-part={judged.isOld ? 'verdict-old' : undefined}
        >
          <Said result={result} seconds={judged.seconds} before={before} {...fires} />
        </div>
      )}
    </div>
  );
}

interface SaidProps extends Omit<VerdictProps, 'judged'> {
  readonly result: BacktestView;
  readonly seconds: number;
}

function Said({ result, seconds, before, rule, opened }: SaidProps) {
  const noise = noiseOf(result);
  return (
    <>
      <p role="status" class={css.verdictWords} data-part="verdict-words" data-live>
        <span class={css.noise} data-noise={noise}>
          {noiseWords[noise]}
        </span>
        <span>
          Would have fired <b class="part-number">{times(result.fired)}</b>{' '}
          {seconds === allRetained ? 'in all that is retained' : `in the last ${durationText(seconds * 1_000)}`}
          {result.longest_ms > 0 && `; longest ${durationText(result.longest_ms)}`}
          {result.withheld > 0 && `; ${result.withheld} messages withheld by the cooldown`}
          {result.series > 1 && `; ${result.series_fired} of ${result.series} series`}.
          {before !== undefined && (
            <b class={css.ghostWords}>
              {' '}
              Now {result.fired}, before {before.fired}.
            </b>
          )}
        </span>
      </p>
      <p class="hint">
        {result.complete ? 'Read' : 'Still reading: so far'} {grouped(result.samples)} samples among{' '}
        {grouped(result.records)} records
        {result.from_ms !== undefined && `, ${clockText(result.from_ms)} to ${clockText(result.to_ms!)}`}, in{' '}
        {Math.round(result.took_ms)} ms, by the evaluator itself.
        {result.cut_short === 'retention' && ' What is older is no longer retained.'}
        {result.cut_short === 'too_many_samples' && ' There are more samples than are looked at: the newest were.'}
      </p>
      {before !== undefined && <Differences result={result} before={before} />}
      <FireList result={result} rule={rule} opened={opened} />
    </>
  );
}

/** Which alarms the edit adds, and which it removes. */
function Differences({ result, before }: { readonly result: BacktestView; readonly before: BacktestView }) {
  const named = (word: string, fires: readonly FiringView[]): string => {
    const newest = fires.slice(-namedMax).map(({ fired_ms: firedMs }) => clockText(firedMs));
    const more = fires.length - newest.length;
    return fires.length === 0 ? '' : `${word} ${newest.join(', ')}${more > 0 ? `, and ${more} before` : ''}.`;
  };
  const words = `${named('New:', missingFires(result, before))} ${named('Gone:', missingFires(before, result))}`.trim();
  return words === '' ? null : <p class={css.ghostWords}>{words}</p>;
}

function times(count: number): string {
  return count === 0 ? 'not once' : count === 1 ? 'once' : `${grouped(count)} times`;
}
