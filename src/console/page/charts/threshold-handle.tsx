import * as css from './threshold-handle.module.css';
import { useRef } from 'preact/hooks';
import { chartPadding, roundStep, snapped, type Span } from './chart-data.ts';
import { numberText } from '../words/time-text.ts';

export const resolveLabel = 'Recovery threshold';

interface HandleProps {
  readonly label: string;
  readonly value: number;
  /** Bounds of the value: for the recovery threshold, the threshold. */
  readonly least?: number | undefined;
  readonly most?: number | undefined;
  readonly span: Span;
  /** Of the chart, in pixels. */
  readonly height: number;
  readonly onChange: (value: number) => void;
  /** Called when a drag starts and when it ends. */
  readonly onHold: (isHeld: boolean) => void;
}

/**
 * A threshold as a handle: dragged by a pointer, or moved by keys as sliders are (arrows one step, PageUp and PageDown ten,
 * Home and End to the edges). The same value can be typed into its field in the form.
 */
export function ThresholdHandle({ label, value, span, height, onHold, ...bounds }: HandleProps) {
  const { least = -Infinity, most = Infinity } = bounds;
  const onChange = (wanted: number): void => bounds.onChange(Math.min(most, Math.max(least, wanted)));
  const isHeld = useRef(false);
  const inner = height - chartPadding.top - chartPadding.bottom;
  const place = (of: Span): number => chartPadding.top + ((of.high - value) / (of.high - of.low)) * inner;
  const top = Math.min(height - chartPadding.bottom, Math.max(chartPadding.top, place(span)));
  const step = roundStep(span, inner / 2);
  const drag = (event: PointerEvent): void => {
    if (!isHeld.current) return;
    const stage = (event.currentTarget as HTMLElement).parentElement!.getBoundingClientRect();
    const share = (event.clientY - stage.top - chartPadding.top) / inner;
    const wanted = span.high - Math.min(1, Math.max(0, share)) * (span.high - span.low);
    onChange(snapped(wanted, event.altKey ? step / 10 : step));
  };
  const hold = (is: boolean): void => {
    isHeld.current = is;
    onHold(is);
  };
  const keys: Record<string, number> = {
    ArrowUp: value + step,
    ArrowRight: value + step,
    ArrowDown: value - step,
    ArrowLeft: value - step,
    PageUp: value + 10 * step,
    PageDown: value - 10 * step,
    Home: span.low,
    End: span.high,
  };
  return (
    <div
      class={label === resolveLabel ? `${css.threshold} ${css.thresholdResolve}` : css.threshold}
      data-part="threshold"
      style={{ top: `${top}px` }}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuemin={Math.max(least, snapped(span.low, step))}
      aria-valuemax={Math.min(most, snapped(span.high, step))}
      aria-valuenow={value}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        hold(true);
      }}
      onPointerMove={drag}
      onPointerUp={() => hold(false)}
      onPointerCancel={() => hold(false)}
      onKeyDown={(event) => {
        const wanted = keys[event.key];
        if (wanted === undefined) return;
        event.preventDefault();
        onChange(snapped(wanted, event.altKey ? step / 10 : step));
      }}
    >
      <span class={css.thresholdGrip} data-part="threshold-grip" aria-hidden="true">
        {numberText(value)}
      </span>
    </div>
  );
}
