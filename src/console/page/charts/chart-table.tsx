import type { SeriesView } from '../state/api.ts';
import { TableTwin } from '../parts/table.tsx';
import { clockText, numberText } from '../parts/time-text.ts';

const rowsMax = 60;

/** The chart's numbers, the newest first. */
export function ChartTable({ label, series }: { readonly label: string; readonly series: readonly SeriesView[] }) {
  const rows = series
    .flatMap(({ tags, t, min, max, mean, count, window }) =>
      t.map((ms, index) => ({
        name: Object.entries(tags ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
        ms,
        cells: [min[index]!, mean[index]!, max[index]!, count[index]!, window[index]],
      })),
    )
    .sort((a, b) => b.ms - a.ms)
    .slice(0, rowsMax);
  const hasTags = rows.some(({ name }) => name !== '');
  const hasWindow = rows.some(({ cells }) => cells[4] !== undefined);
  const heads = ['Time', ...(hasTags ? ['Series'] : []), 'Least', 'Mean', 'Greatest', 'Samples'];
  const points = series.reduce((sum, { t }) => sum + t.length, 0);
  return (
    <TableTwin
      label={label}
      heads={hasWindow ? [...heads, 'Window mean'] : heads}
      caption={`${label}: the newest ${rows.length} of ${points} points`}
    >
      {rows.map(({ name, ms, cells }) => (
        <tr key={`${name} ${ms}`}>
          <td>
            <time dateTime={new Date(ms).toISOString()}>{clockText(ms)}</time>
          </td>
          {hasTags && <td>{name}</td>}
          {cells.slice(0, hasWindow ? 5 : 4).map((value, index) => (
            <td key={index}>{value === undefined ? '' : numberText(Math.round(value * 1e6) / 1e6)}</td>
          ))}
        </tr>
      ))}
    </TableTwin>
  );
}
