// How many events there were over time, with a brush. Zooming shows the selected range on the whole width; the edges are sliders for
// the keyboard, and the same times can be typed into two fields.
import * as css from './timeline-brush.module.css';
import type { TimelineOverview } from '../../../wire/timeline.ts';
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { go, type TimelineFilter } from '../state/router.ts';
import { TableTwin } from '../parts/table.tsx';
import { durationText, grouped, momentText } from '../words/time-text.ts';
import { zone } from '../words/zone.ts';

interface BrushProps {
  readonly overview: TimelineOverview;
  readonly filter: TimelineFilter;
}

/** In buckets of the axis: from the left edge of `low` to that of `high`. */
interface Selection {
  readonly low: number;
  readonly high: number;
}

type Kind = keyof TimelineOverview['counts'];

const layers: readonly (readonly [Kind, string])[] = [
  ['firing', 'fired'],
  ['transition', 'other alarm changes'],
  ['rule', 'edits'],
  ['delivery', 'failed messages'],
];
const dayMs = 24 * 3_600_000;
const spanMsMin = 1_000;

export function TimelineBrush({ overview, filter }: BrushProps) {
  const { from_ms: fromMs, to_ms: toMs, counts } = overview;
  const parts = counts.firing.length;
  const selection = useSignal<Selection>({ low: 0, high: parts });
  useEffect(() => {
    selection.value = { low: 0, high: parts };
  }, [filter.from, filter.to]);
  const timeAt = (part: number): number => Math.round(fromMs + ((toMs - fromMs) * part) / parts);
  const show = (range: { readonly from: string; readonly to: string }): void =>
    go({ screen: 'timeline', filter: { ...filter, ...range } });
  const zoom = ({ low, high }: Selection): void => {
    if (low === 0 && high === parts) return;
    const [from, to] = [timeAt(low), Math.max(timeAt(high), timeAt(low) + spanMsMin)];
    // A selection that reaches the present moves with it.
    show({ from: String(from), to: high === parts && filter.to === '' ? '' : String(to) });
  };
  const zoomOut = (): void => {
    const spanMs = toMs - fromMs;
    const [from, to] = [fromMs - spanMs, toMs + spanMs];
    const isWhole = to >= overview.time_ms;
    if (isWhole && from <= overview.time_ms - dayMs) show({ from: '', to: '' });
    else show({ from: String(from), to: isWhole ? '' : String(to) });
  };
  const isZoomed = filter.from !== '' || filter.to !== '';
  const isWhole = selection.value.low === 0 && selection.value.high === parts;
  return (
    <section class="card past-card" aria-label="Events over time">
      <div class="chart-head">
        <p class="hint">
          {momentText(fromMs)} to {filter.to === '' ? 'now' : momentText(toMs)}, {durationText(toMs - fromMs)}
        </p>
        <div class={css.brushActions}>
          <button type="button" class="small" aria-disabled={isWhole} onClick={() => zoom(selection.value)}>
            Zoom in
          </button>
          <button type="button" class="small" aria-disabled={!isZoomed} onClick={() => isZoomed && zoomOut()}>
            Zoom out
          </button>
          <button
            type="button"
            class="small"
            aria-disabled={!isZoomed}
            onClick={() => isZoomed && show({ from: '', to: '' })}
          >
            Last 24 hours
          </button>
        </div>
      </div>
      <Stage counts={counts} selection={selection} timeAt={timeAt} onZoom={zoom} />
      <Legend counts={counts} />
      <div class="filters">
        <TypedTime label="From" valueMs={fromMs} onTime={(ms) => show({ from: String(ms), to: filter.to })} />
        <TypedTime
          label="To"
          valueMs={toMs}
          onTime={(ms) => show({ from: filter.from || String(fromMs), to: String(ms) })}
        />
      </div>
      <CountsTable counts={counts} timeAt={timeAt} />
    </section>
  );
}

interface StageProps {
  readonly counts: TimelineOverview['counts'];
  readonly selection: Signal<Selection>;
  readonly timeAt: (part: number) => number;
  readonly onZoom: (selection: Selection) => void;
}

function Stage({ counts, selection, timeAt, onZoom }: StageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const anchor = useRef<number | undefined>(undefined);
  const parts = counts.firing.length;
  const partAt = (event: PointerEvent): number => {
    const { left, width } = stage.current!.getBoundingClientRect();
    return Math.min(parts, Math.max(0, Math.round(((event.clientX - left) / width) * parts)));
  };
  const take = (from: number, to: number): void => {
    selection.value = { low: Math.min(from, to, parts - 1), high: Math.max(from, to, Math.min(from, to) + 1) };
  };
  const { low, high } = selection.value;
  const share = (part: number): string => `${(part / parts) * 100}%`;
  return (
    <div
      ref={stage}
      class={css.brush}
      data-part="brush"
      data-live
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        const edge = (event.target as HTMLElement).dataset['edge'];
        // A drag of an edge moves that edge; a drag from elsewhere starts a new selection.
        anchor.current = edge === 'low' ? high : edge === 'high' ? low : partAt(event);
      }}
      onPointerMove={(event) => {
        if (anchor.current !== undefined) take(anchor.current, partAt(event));
      }}
      onPointerUp={(event) => {
        const from = anchor.current;
        anchor.current = undefined;
        if (from === undefined || from === partAt(event)) return;
        onZoom(selection.value);
      }}
      onPointerCancel={() => (anchor.current = undefined)}
    >
      <Bars counts={counts} />
      <span class={css.brushShade} style={{ left: 0, width: share(low) }} />
      <span class={css.brushShade} style={{ left: share(high), right: 0 }} />
      {(['low', 'high'] as const).map((edge) => (
        <Edge
          key={edge}
          edge={edge}
          selection={selection}
          parts={parts}
          text={momentText(timeAt(selection.value[edge]))}
          onZoom={() => onZoom(selection.value)}
        />
      ))}
    </div>
  );
}

interface EdgeProps {
  readonly edge: keyof Selection;
  readonly selection: Signal<Selection>;
  readonly parts: number;
  readonly text: string;
  readonly onZoom: () => void;
}

/** One edge of the brush: arrows move it by one bucket, PageUp and PageDown by ten, Home and End as far as possible; Enter zooms. */
function Edge({ edge, selection, parts, text, onZoom }: EdgeProps) {
  const { low, high } = selection.value;
  const [least, most] = edge === 'low' ? [0, high - 1] : [low + 1, parts];
  const value = selection.value[edge];
  const moves: Record<string, number> = {
    ArrowLeft: value - 1,
    ArrowDown: value - 1,
    ArrowRight: value + 1,
    ArrowUp: value + 1,
    PageDown: value - 10,
    PageUp: value + 10,
    Home: least,
    End: most,
  };
  return (
    <span
      class={css.brushEdge}
      data-part="brush-edge"
      data-edge={edge}
      style={{ left: `${(value / parts) * 100}%` }}
      role="slider"
      tabIndex={0}
      aria-label={edge === 'low' ? 'Show from' : 'Show up to'}
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={value}
      aria-valuetext={text}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onZoom();
        const to = moves[event.key];
        if (to === undefined) return;
        event.preventDefault();
        selection.value = { ...selection.value, [edge]: Math.min(most, Math.max(least, to)) };
      }}
    />
  );
}

function Bars({ counts }: { readonly counts: TimelineOverview['counts'] }) {
  const sums = counts.firing.map((_, part) => layers.reduce((sum, [kind]) => sum + counts[kind][part]!, 0));
  const most = Math.max(1, ...sums);
  return (
    <svg viewBox={`0 0 ${sums.length} 100`} preserveAspectRatio="none" aria-hidden="true">
      {sums.map((sum, part) => {
        let below = 0;
        if (sum === 0) return null;
        return layers.map(([kind]) => {
          const height = (counts[kind][part]! / most) * 96;
          below += height;
          return height === 0 ? null : (
            <rect
              key={`${kind} ${part}`}
              class={css.bar}
              data-kind={kind}
              x={part + 0.08}
              width={0.84}
              y={100 - below}
              height={Math.max(height, 1.5)}
            />
          );
        });
      })}
    </svg>
  );
}

function Legend({ counts }: { readonly counts: TimelineOverview['counts'] }) {
  return (
    <ul class="chart-legend">
      {layers.map(([kind, words]) => (
        <li key={kind}>
          <span class={`chart-key ${css.bar}`} data-kind={kind} aria-hidden="true" />
          {words} {grouped(counts[kind].reduce((sum, count) => sum + count, 0))}
        </li>
      ))}
    </ul>
  );
}

interface TypedTimeProps {
  readonly label: string;
  readonly valueMs: number;
  readonly onTime: (ms: number) => void;
}

/** In the zone in which all times are shown. */
function TypedTime({ label, valueMs, onTime }: TypedTimeProps) {
  const isUtc = zone.value === 'UTC';
  const aheadMs = isUtc ? 0 : new Date(valueMs).getTimezoneOffset() * -60_000;
  return (
    <label>
      <span>{label}</span>
      <input
        type="datetime-local"
        step={1}
        value={new Date(valueMs + aheadMs).toISOString().slice(0, 19)}
        onChange={(event) => {
          const ms = Date.parse(`${event.currentTarget.value}${isUtc ? 'Z' : ''}`);
          if (Number.isFinite(ms)) onTime(ms);
        }}
      />
    </label>
  );
}

function CountsTable({ counts, timeAt }: Pick<StageProps, 'counts' | 'timeAt'>) {
  const rows = counts.firing
    .map((_, part) => ({ part, cells: layers.map(([kind]) => counts[kind][part]!) }))
    .filter(({ cells }) => cells.some((count) => count > 0))
    .toReversed();
  return (
    <TableTwin label="events over time" heads={['From', ...layers.map(([, words]) => words)]}>
      {rows.map(({ part, cells }) => (
        <tr key={part}>
          <th scope="row">{momentText(timeAt(part))}</th>
          {cells.map((count, index) => (
            <td key={index}>{grouped(count)}</td>
          ))}
        </tr>
      ))}
    </TableTwin>
  );
}
