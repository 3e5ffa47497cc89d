import type { SeriesView } from './api.ts';
import { clockText, numberText } from './time-text.ts';

const rowsMax = 60;

/** The chart's numbers as a table: for screen readers, and for whoever wants to read or copy them. */
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
  return (
    <details class="chart-table">
      <summary>As a table</summary>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={`Table: ${label}`}>
        <table>
          <caption>
            {label}: the newest {rows.length} of {series.reduce((sum, { t }) => sum + t.length, 0)} points
          </caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {hasTags && <th scope="col">Series</th>}
              <th scope="col">Least</th>
              <th scope="col">Mean</th>
              <th scope="col">Greatest</th>
              <th scope="col">Samples</th>
              {hasWindow && <th scope="col">Window mean</th>}
            </tr>
          </thead>
          <tbody>
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
          </tbody>
        </table>
      </div>
    </details>
  );
}
