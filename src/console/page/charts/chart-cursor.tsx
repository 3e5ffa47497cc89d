// The cursor of a chart: a time chosen by the pointer or by keys, and the values at it. It is a time and not an index, so that new data
// move nothing. It is drawn above the canvas, which is not redrawn for it.
import * as css from './chart-cursor.module.css';
import type { SeriesView } from '../../../wire/metrics.ts';
import type { Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { clockText, momentText } from '../words/time-text.ts';
import { seriesColors } from './chart-colors.ts';
import { rightAxisPx, type ShownMembers, type Span } from './chart-data.ts';
import { lineName, nearestIndex, pointAt, pointText, timesOf } from './chart-points.ts';

interface Shown {
  readonly series: readonly SeriesView[];
  readonly fromMs: number;
  readonly toMs: number;
  /** The chosen time; undefined while there is none. */
  readonly at: Signal<number | undefined>;
  /** Whether what is compared is computed. */
  readonly isComputed: boolean;
  readonly members: ShownMembers | undefined;
}

interface CursorProps extends Shown {
  readonly label: string;
  readonly span: Span;
  /** Where it starts, if not at the newest sample. */
  readonly startMs: number | undefined;
}

const pageSteps = 10;

/** Covers the plot. For keys it is a slider along the samples; the line and the dots are decoration. */
export function ChartCursor(props: CursorProps) {
  const { label, series, fromMs, toMs, span, startMs = Infinity, at, isComputed, members } = props;
  const times = useMemo(() => timesOf(series), [series]);
  const index = nearestIndex(times, Math.min(at.value ?? startMs, times.at(-1)!));
  const timeMs = times[index]!;
  const points = series.map((each) => pointAt(each, timeMs));
  const texts = points.map((point, nth) => `${lineName(series[nth]!)} ${pointText(point, isComputed)}`.trim());
  const keys: Record<string, number> = {
    ArrowLeft: index - 1,
    ArrowDown: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index + 1,
    PageDown: index - pageSteps,
    PageUp: index + pageSteps,
    Home: 0,
    End: times.length - 1,
  };
  const left = (ms: number): string => `${Math.min(1, Math.max(0, (ms - fromMs) / (toMs - fromMs))) * 100}%`;
  const top = (value: number): string => `${((span.high - value) / (span.high - span.low)) * 100}%`;
  return (
    <div
      class={css.chartCursor}
      data-part="chart-cursor"
      style={members?.isSameScale === false ? { right: `${rightAxisPx}px` } : undefined}
      role="slider"
      tabIndex={0}
      aria-label={`Data cursor: ${label}`}
      aria-valuemin={times[0]}
      aria-valuemax={times.at(-1)}
      aria-valuenow={timeMs}
      aria-valuetext={`${timeText(timeMs, { fromMs, toMs })}: ${texts.join('; ')}`}
      onFocus={() => (at.value ??= timeMs)}
      onBlur={() => (at.value = undefined)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') at.value = undefined;
        const wanted = keys[event.key];
        if (wanted === undefined) return;
        event.preventDefault();
        at.value = times[Math.min(times.length - 1, Math.max(0, at.value === undefined ? index : wanted))];
      }}
    >
      {at.value !== undefined && (
        <i class={css.chartCursorLine} data-part="chart-cursor-line" style={{ left: left(timeMs) }} />
      )}
      {at.value !== undefined &&
        points.flatMap((point, nth) =>
          [point?.mean, point?.window].map(
            (value) =>
              value !== undefined &&
              value >= span.low &&
              value <= span.high && (
                <i
                  class={css.chartCursorDot}
                  data-part="chart-cursor-dot"
                  data-line={nth % seriesColors.length}
                  style={{ left: left(point!.timeMs), top: top(value) }}
                />
              ),
          ),
        )}
    </div>
  );
}

/** With the date when the chart shows more than one day. */
const timeText = (timeMs: number, { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): string =>
  toMs - fromMs > 86_400_000 ? momentText(timeMs) : clockText(timeMs);

/** The values at the cursor, and the colour of each series. Its space is reserved, so that nothing moves. */
export function ChartReadout({ series, fromMs, toMs, at, isComputed, members }: Shown) {
  const times = useMemo(() => timesOf(series), [series]);
  const timeMs = at.value === undefined ? undefined : times[nearestIndex(times, at.value)];
  const valueOf = (each: SeriesView): string =>
    timeMs === undefined ? '' : pointText(pointAt(each, timeMs), isComputed);
  const isOne = series.length === 1;
  const isThin = members !== undefined && members.series.length > 0;
  return (
    <>
      <div class={css.chartReadout} data-part="chart-readout">
        {timeMs !== undefined && (
          <>
            <time dateTime={new Date(timeMs).toISOString()}>{timeText(timeMs, { fromMs, toMs })}</time>
            {isOne && <b>{valueOf(series[0]!)}</b>}
          </>
        )}
      </div>
      {(!isOne || isThin) && (
        <ul class="chart-legend">
          {series.map((each, index) => (
            <li key={lineName(each)}>
              <span class="chart-key" data-line={index % seriesColors.length} aria-hidden="true" />
              <span>{lineName(each) || 'no tags'}</span>
              {!isOne && <b>{valueOf(each)}</b>}
            </li>
          ))}
          {isThin && (
            <li>
              <span class="chart-key" data-line="thin" aria-hidden="true" />
              <span>{membersText(members, series[0]!)}</span>
            </li>
          )}
        </ul>
      )}
    </>
  );
}

/** `8 of 21 series of service=checkout, right axis`. */
function membersText({ series, total, isSameScale }: ShownMembers, group: SeriesView): string {
  const count = total > series.length ? `${series.length} of ${total}` : String(total);
  const of = group.tags === undefined ? '' : ` of ${lineName(group)}`;
  return `${count} series${of}${isSameScale ? '' : ', right axis'}`;
}
