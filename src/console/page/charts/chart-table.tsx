import * as css from './chart-table.module.css';
import type { SeriesView } from '../../../wire/metrics.ts';
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { TableTwin } from '../parts/table.tsx';
import { clockText, grouped } from '../words/time-text.ts';
import { lineName, pointOf, shownNumber } from './chart-points.ts';

const rowsMax = 60;
/** The column of the number of samples, among those of numbers. */
const samplesAt = 3;
/** Rows above the marked one: few enough to see it without scrolling. The samples that it results from are older. */
const newerRows = 4;

interface ChartTableProps {
  readonly label: string;
  readonly series: readonly SeriesView[];
  /** Of the first series, a group. */
  readonly members: readonly SeriesView[];
  /** Whether what is compared is computed. */
  readonly isComputed: boolean;
  /** The time of a sample that the table must show: its rows start shortly above it. */
  readonly markMs: number | undefined;
}

/** The chart's numbers, newest first, in pages. */
export function ChartTable({ label, series, members, isComputed, markMs }: ChartTableProps) {
  // A time and not a row number, so that new samples move nothing. undefined: the newest, or those around the mark.
  const newestMs = useSignal<number | undefined>(undefined);
  const all = useMemo(
    () =>
      [...series, ...members]
        .flatMap((each) => each.t.map((_, index) => ({ name: lineName(each), ...pointOf(each, index) })))
        .sort((a, b) => b.timeMs - a.timeMs),
    [series, members],
  );
  const indexOf = (ms: number): number => all.findIndex(({ timeMs }) => timeMs <= ms);
  const marked = markMs === undefined ? -1 : indexOf(markMs);
  const begin = newestMs.value === undefined ? marked - newerRows : indexOf(newestMs.value);
  const first = Math.max(0, Math.min(begin, all.length - rowsMax));
  const rows = all.slice(first, first + rowsMax);
  const turn = (to: number): void => {
    newestMs.value = to <= 0 ? Infinity : (all[to]?.timeMs ?? newestMs.value);
  };
  const hasTags = rows.some(({ name }) => name !== '');
  const hasWindow = rows.some(({ window }) => window !== undefined);
  const heads = ['Time', ...(hasTags ? ['Series'] : []), 'Minimum', 'Mean', 'Maximum', 'Samples'];
  const shown =
    rows.length === all.length
      ? `all ${rows.length} points`
      : `points ${grouped(first + 1)} to ${grouped(first + rows.length)} of ${grouped(all.length)}`;
  return (
    <TableTwin
      label={label}
      heads={hasWindow ? [...heads, 'Window'] : heads}
      caption={`${label}, newest first: ${shown}`}
      foot={
        all.length > rowsMax && (
          <p class={css.tableTurns} data-part="table-turns">
            <button type="button" class="small" aria-disabled={first === 0} onClick={() => turn(first - rowsMax)}>
              Later
            </button>
            <button
              type="button"
              class="small"
              aria-disabled={first + rowsMax >= all.length}
              onClick={() => turn(first + rowsMax)}
            >
              Earlier
            </button>
            <span role="status">{shown}</span>
          </p>
        )
      }
    >
      {rows.map(({ name, timeMs, min, mean, max, count, window }, index) => (
        <tr key={`${name} ${timeMs}`} class={first + index === marked ? 'marked' : undefined}>
          <td>
            <time dateTime={new Date(timeMs).toISOString()}>{clockText(timeMs)}</time>
            {first + index === marked && <b> fired</b>}
          </td>
          {hasTags && <td>{name}</td>}
          {[min, mean, max, count, ...(hasWindow ? [window] : [])].map((value, nth) => (
            <td key={nth}>
              {value === undefined
                ? ''
                : shownNumber(value, isComputed && nth !== samplesAt && (!hasWindow || nth > samplesAt))}
            </td>
          ))}
        </tr>
      ))}
    </TableTwin>
  );
}
