import type { BacktestView } from '../state/api.ts';
import { allRetained } from '../charts/ranges.tsx';
import type { Judged } from './workbench-data.ts';
import { noiseOf, type Noise } from './noise.ts';
import { clockText, durationText, grouped, momentText, numberText } from '../parts/time-text.ts';

interface VerdictProps {
  readonly judged: Judged;
  /** What the saved rule would have done, while another one is being tried. */
  readonly before: BacktestView | undefined;
}

const listedMax = 5;

const noiseWords: Record<Noise, string> = { quiet: 'Quiet', useful: 'Useful', noisy: 'Noisy' };

export function BacktestVerdict({ judged, before }: VerdictProps) {
  const { result, refusal } = judged;
  if (result === undefined && refusal === undefined) {
    return (
      <p class="verdict verdict-none hint">
        {judged.isOld
          ? 'Asking the evaluator…'
          : 'With a metric and a threshold, this says how often it would have fired.'}
      </p>
    );
  }
  return (
    <div class="verdict">
      {refusal !== undefined && (
        <p class="verdict-refusal" role="status">
          {result === undefined ? 'No verdict' : 'No new verdict, this is the last one'}: {refusal}.
        </p>
      )}
      {result !== undefined && (
        <div class={judged.isOld ? 'verdict-said verdict-old' : 'verdict-said'}>
          <Said result={result} seconds={judged.seconds} before={before} />
        </div>
      )}
    </div>
  );
}

interface SaidProps {
  readonly result: BacktestView;
  readonly seconds: number;
  readonly before: BacktestView | undefined;
}

function Said({ result, seconds, before }: SaidProps) {
  const noise = noiseOf(result);
  const newest = result.firings.slice(-listedMax).reverse();
  return (
    <>
      <p role="status" class="verdict-words">
        <span class={`noise noise-${noise}`}>{noiseWords[noise]}</span>
        <span>
          Would have fired <b class="part-number">{times(result.fired)}</b>{' '}
          {seconds === allRetained ? 'in all that is retained' : `in the last ${durationText(seconds * 1_000)}`}
          {result.longest_ms > 0 && `; longest ${durationText(result.longest_ms)}`}
          {result.withheld > 0 && `; ${result.withheld} messages withheld by the cooldown`}
          {result.series > 1 && `; ${result.series_fired} of ${result.series} series`}.
          {before !== undefined && (
            <b class="ghost-words">
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
      {newest.length > 0 && (
        <details class="firings">
          <summary>{result.fired > listedMax ? `The newest ${listedMax} of them` : 'When it would have fired'}</summary>
          <ul>
            {newest.map((firing) => (
              <li key={firing.alarm_id}>
                <time dateTime={new Date(firing.fired_ms).toISOString()} title={momentText(firing.fired_ms)}>
                  {clockText(firing.fired_ms)}
                </time>
                <b>{firing.value === null ? 'no data' : numberText(Number(firing.value.toPrecision(8)))}</b>
                <span>
                  {firing.ended_ms === null ? 'fires still' : `for ${durationText(firing.ended_ms - firing.since_ms)}`}
                </span>
                <span class="hint">
                  {Object.entries(firing.tags ?? {})
                    .map(([key, value]) => `${key}=${value}`)
                    .join(' ')}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function times(count: number): string {
  return count === 0 ? 'not once' : count === 1 ? 'once' : `${grouped(count)} times`;
}
