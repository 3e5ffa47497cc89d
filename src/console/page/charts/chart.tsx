// The chart of a metric. uPlot draws it; this adds the parts of a rule: the threshold that can be dragged, the times at which it
// fired, a cursor with the numbers at a time, and a table for users who cannot see the drawing.
import * as css from './chart.module.css';
import type { SeriesView } from '../../../wire/metrics.ts';
import { useSignal } from '@preact/signals';
import type { TargetedMouseEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { comparisons, type Operator } from '../../../rule/comparison.ts';
import { alignedData, chartPadding, rightAxisPx, valueSpan, type ShownMembers, type Span } from './chart-data.ts';
import { colorOf, seriesColors } from './chart-colors.ts';
import { ChartCursor, ChartReadout } from './chart-cursor.tsx';
import { ChartTable } from './chart-table.tsx';
import { clockText, numberText } from '../words/time-text.ts';
import { zone } from '../words/zone.ts';
import { resolveLabel, ThresholdHandle } from './threshold-handle.tsx';

/** A time in which the rule was firing. */
export interface FiringBand {
  readonly fromMs: number;
  /** undefined: until now. */
  readonly toMs: number | undefined;
}

export interface ChartProps {
  readonly label: string;
  readonly series: readonly SeriesView[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly operator: Operator;
  readonly threshold: number | undefined;
  readonly resolveThreshold?: number | undefined;
  /** Further thresholds of a rule with levels. */
  readonly levels?: readonly number[] | undefined;
  /** The threshold of the saved rule, while another one is being edited. */
  readonly savedThreshold?: number | undefined;
  readonly bands?: readonly FiringBand[];
  /** The sample that fired the alarm. */
  readonly mark?: { readonly timeMs: number; readonly value: number } | undefined;
  readonly onThreshold?: (value: number) => void;
  readonly onResolveThreshold?: (value: number) => void;
  /** Called with the clicked time, and with the tolerance of a click in milliseconds. */
  readonly onPlace?: (timeMs: number, nearMs: number) => void;
  readonly height?: number;
  /** Of a group, the first of `series`. */
  readonly members?: ShownMembers | undefined;
  /** Whether what the rule compares is computed, and no value that somebody sent. */
  readonly isComputed?: boolean;
}

const noMembers: readonly SeriesView[] = [];

/** Right of the plot, and the width of a time below it. */
const rightPx = 12;
const timePx = 60;
/** The tolerance of a click: a band of two pixels is hard to hit. */
const nearPx = 6;

export function Chart(props: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  // While the threshold is dragged, the scale must not move under the pointer.
  const held = useRef<Span | undefined>(undefined);
  const span = held.current ?? valueSpan(props);
  const spanNow = useRef<Span>(span);
  spanNow.current = span;
  const height = props.height ?? 280;
  const at = useSignal<number | undefined>(undefined);
  const point = ({ currentTarget, clientX, target }: TargetedMouseEvent<HTMLElement>, isClick = false): void => {
    // A drag of the threshold is not a click on a sample.
    if ((target as Element).closest('[data-part=threshold]') !== null) return;
    const { left, width } = currentTarget.querySelector('[data-part=chart-cursor]')!.getBoundingClientRect();
    const pixelMs = (props.toMs - props.fromMs) / width;
    at.value = props.fromMs + (clientX - left) * pixelMs;
    if (isClick) props.onPlace?.(at.value, nearPx * pixelMs);
  };
  const leave = ({ currentTarget }: TargetedMouseEvent<HTMLElement>): void => {
    // A time chosen by keys or a tap stays.
    if (currentTarget.querySelector('[data-part=chart-cursor]:focus') === null) at.value = undefined;
  };
  const { isComputed = false, members } = props;
  const thin = members?.series ?? noMembers;
  const shape = JSON.stringify([props.series, thin].map((lines) => lines.map(({ group, tags = {} }) => group ?? tags)));

  useLayoutEffect(() => {
    const width = Math.max(120, holder.current!.clientWidth);
    const made = new uPlot(
      optionsOf(latest, spanNow, { width, height }),
      alignedData(props.series, thin),
      holder.current!,
    );
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: holder.current!.clientWidth, height }));
    sizes.observe(holder.current!);
    const redraw = (): void => made.redraw(true, true);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', redraw);
    const themes = new MutationObserver(redraw);
    themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      sizes.disconnect();
      themes.disconnect();
      scheme.removeEventListener('change', redraw);
      made.destroy();
    };
  }, [shape, height]);
  useEffect(() => {
    plot.current?.setData(alignedData(props.series, thin));
  }, [props.series, thin, props.fromMs, props.toMs, span.low, span.high]);
  useEffect(() => {
    plot.current?.redraw(false, true);
  }, [
    zone.value,
    props.threshold,
    props.levels?.join(),
    props.resolveThreshold,
    props.savedThreshold,
    props.bands,
    props.mark,
  ]);

  return (
    <figure class={css.chart} data-part="chart">
      <div
        class={css.chartStage}
        onPointerMove={(event) => point(event)}
        onClick={(event) => point(event, true)}
        onPointerLeave={leave}
      >
        <div class={css.chartPlot} data-part="chart-plot" data-live ref={holder} aria-hidden="true" />
        <ChartCursor
          label={props.label}
          series={props.series}
          fromMs={props.fromMs}
          toMs={props.toMs}
          span={span}
          startMs={props.mark?.timeMs}
          at={at}
          isComputed={isComputed}
          members={members}
        />
        {props.threshold !== undefined && props.onThreshold !== undefined && (
          <ThresholdHandle
            label="Threshold"
            value={props.threshold}
            span={span}
            height={height}
            onChange={props.onThreshold}
            onHold={(isHeld) => (held.current = isHeld ? span : undefined)}
          />
        )}
        {props.threshold !== undefined &&
          props.resolveThreshold !== undefined &&
          props.onResolveThreshold !== undefined && (
            <ThresholdHandle
              label={resolveLabel}
              value={props.resolveThreshold}
              {...limits(props.operator, props.threshold)}
              span={span}
              height={height}
              onChange={props.onResolveThreshold}
              onHold={(isHeld) => (held.current = isHeld ? span : undefined)}
            />
          )}
      </div>
      <ChartReadout
        series={props.series}
        fromMs={props.fromMs}
        toMs={props.toMs}
        at={at}
        isComputed={isComputed}
        members={members}
      />
      <ChartTable
        label={props.label}
        series={props.series}
        members={thin}
        isComputed={isComputed}
        markMs={props.mark?.timeMs}
      />
    </figure>
  );
}

function optionsOf(
  latest: { readonly current: ChartProps },
  span: { readonly current: Span },
  size: { readonly width: number; readonly height: number },
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: () => colorOf('--text-soft'),
    grid: { stroke: () => colorOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px ui-sans-serif, system-ui, sans-serif',
  };
  const values: uPlot.Axis = { ...axis, space: 36, values: (_plot, splits) => splits.map(numberText) };
  const { members } = latest.current;
  const isOwnScale = members?.isSameScale === false && members.series.length > 0;
  return {
    ...size,
    padding: [chartPadding.top, isOwnScale ? 0 : rightPx, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: () => [latest.current.fromMs / 1000, latest.current.toMs / 1000] },
      y: { range: () => [span.current.low, span.current.high] },
      ...(isOwnScale && { members: { range: () => memberRange(latest.current) } }),
    },
    axes: [
      {
        ...axis,
        size: chartPadding.bottom,
        space: 90,
        incrs: timeStepsS,
        splits: (...[, , from, to, step]) => timesBetween(from, to, step),
        values: (plot, splits) => splits.map((at) => (isAtEdge(plot, at) ? '' : timeText(at, latest.current))),
      },
      { ...values, size: 56 },
      ...(isOwnScale ? [{ ...values, scale: 'members', side: 1, size: rightAxisPx, grid: { show: false } }] : []),
    ],
    series: [
      {},
      ...latest.current.series.flatMap((_, index) => linesOf(latest, index)),
      ...(members?.series ?? []).map(() => ({
        scale: isOwnScale ? 'members' : 'y',
        stroke: () => colorOf('--text-soft', 0.55),
        width: 1,
        spanGaps: true,
        points: { show: false },
      })),
    ],
    bands: latest.current.series.map((_, index) => ({
      series: [index * 4 + 3, index * 4 + 2] as [number, number],
      fill: () => colorOf(seriesColors[index % seriesColors.length]!, 0.16),
    })),
    hooks: {
      drawClear: [(plot) => drawBehind(plot, latest.current)],
      draw: [(plot) => drawBefore(plot, latest.current)],
    },
  };
}

/** Seconds between two times below a chart: up to a month. */
const timeStepsS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
  2_592_000, 31_536_000,
];

/** Whole steps of the clock that people read. */
function timesBetween(fromS: number, toS: number, stepS: number): number[] {
  const aheadS = zone.value === 'UTC' ? 0 : -60 * new Date(fromS * 1_000).getTimezoneOffset();
  const first = Math.ceil((fromS + aheadS) / stepS) * stepS - aheadS;
  const count = Math.max(0, Math.floor((toS - first) / stepS) + 1);
  return Array.from({ length: count }, (_, index) => first + index * stepS);
}

/** The range of a group's members on their own axis. */
function memberRange({ members }: ChartProps): [number, number] {
  const { low, high } = valueSpan({ series: members?.series ?? noMembers, threshold: undefined });
  return [low, high];
}

/** The range of the recovery threshold. */
function limits(operator: Operator, threshold: number): { least: number | undefined; most: number | undefined } {
  const [least, most] = comparisons[operator].recovery?.interval(threshold) ?? [];
  return { least, most };
}

/** Whether a label there would be cut off. */
function isAtEdge({ scales, bbox }: uPlot, seconds: number): boolean {
  const { min = 0, max = 0 } = scales['x'] ?? {};
  const fromEdgePx = ((max - seconds) / (max - min)) * (bbox.width / devicePixelRatio);
  return fromEdgePx < timePx / 2 - rightPx;
}

/** As short as the range allows. */
function timeText(seconds: number, { fromMs, toMs }: ChartProps): string {
  const isShort = toMs - fromMs < 600_000;
  const isLong = toMs - fromMs > 86_400_000;
  return clockText(seconds * 1000, {
    ...(isLong && { month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    ...(isShort && { second: '2-digit' }),
  });
}

/** Mean, minimum, maximum, and the mean of the window. */
function linesOf(latest: { readonly current: ChartProps }, index: number): uPlot.Series[] {
  const color = seriesColors[index % seriesColors.length]!;
  const isFew = (): boolean => (latest.current.series[index]?.t.length ?? 0) < 80;
  const edge: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false }, spanGaps: true };
  const hasWindow = (latest.current.series[index]?.window.length ?? 0) > 0;
  return [
    {
      stroke: () => colorOf(color, hasWindow ? 0.45 : 1),
      width: hasWindow ? 1 : 1.75,
      spanGaps: true,
      points: { show: () => isFew(), size: 5, fill: () => colorOf(color), stroke: () => colorOf(color) },
    },
    edge,
    edge,
    { stroke: () => colorOf(color), width: 2.25, spanGaps: true, points: { show: false } },
  ];
}

/** The times at which the rule fired, and the side of the threshold that is in breach. */
function drawBehind(plot: uPlot, { bands = [], threshold, operator, toMs }: ChartProps): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { fromMs, toMs: endMs = toMs } of bands) {
    const left = plot.valToPos(fromMs / 1000, 'x', true);
    const right = Math.max(left + 2 * devicePixelRatio, plot.valToPos(endMs / 1000, 'x', true));
    ctx.fillStyle = colorOf('--firing', 0.17);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.fillStyle = colorOf('--firing');
    ctx.fillRect(left, bbox.top, right - left, 3 * devicePixelRatio);
  }
  if (threshold !== undefined) {
    const y = plot.valToPos(threshold, 'y', true);
    // A single value in breach is a line, which needs some height to be seen beside the threshold's own.
    const halfPx = 4 * devicePixelRatio;
    ctx.fillStyle = colorOf('--firing', 0.06);
    for (const [low, high] of comparisons[operator].breachIntervals(threshold)) {
      const top = high === Infinity ? bbox.top : low === high ? y - halfPx : y;
      const bottom = low === -Infinity ? bbox.top + bbox.height : low === high ? y + halfPx : y;
      ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    }
  }
  ctx.restore();
}

function drawBefore(plot: uPlot, { threshold, levels = [], resolveThreshold, savedThreshold, mark }: ChartProps): void {
  const { ctx, bbox } = plot;
  const line = (value: number, color: string, dash: number[], width: number): void => {
    const y = plot.valToPos(value, 'y', true);
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = width * devicePixelRatio;
    ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };
  if (savedThreshold !== undefined && savedThreshold !== threshold)
    line(savedThreshold, colorOf('--text-soft', 0.7), [2, 4], 1.5);
  if (resolveThreshold !== undefined && resolveThreshold !== threshold)
    line(resolveThreshold, colorOf('--ok'), [6, 4], 1.5);
  if (threshold !== undefined) line(threshold, colorOf('--firing'), [], 1.75);
  for (const level of levels) line(level, colorOf('--firing'), [2, 3], 1.75);
  if (mark === undefined) return;
  const [x, y] = [plot.valToPos(mark.timeMs / 1000, 'x', true), plot.valToPos(mark.value, 'y', true)];
  ctx.save();
  ctx.fillStyle = colorOf('--firing');
  ctx.strokeStyle = colorOf('--surface');
  ctx.lineWidth = 2.5 * devicePixelRatio;
  ctx.beginPath();
  ctx.arc(x, y, 6.5 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}
