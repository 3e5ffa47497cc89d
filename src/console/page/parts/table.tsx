import * as css from './table.module.css';
import type { ComponentChildren } from 'preact';

interface TableProps {
  readonly label: string;
  readonly heads: readonly string[];
  /** A full description, above the table. */
  readonly caption?: string;
  /** The class of the table. */
  readonly kind?: string | undefined;
  /** The rows. */
  readonly children: ComponentChildren;
}

/** A table in a scrolling box, which keys can scroll as well. */
export function ScrolledTable({ label, heads, caption, kind, children }: TableProps) {
  return (
    <div class={css.tableScroll} data-part="table-scroll" tabIndex={0} role="region" aria-label={`Table: ${label}`}>
      <table class={kind}>
        {caption !== undefined && <caption>{caption}</caption>}
        <thead>
          <tr>
            {heads.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** The numbers of the drawing above it, for screen readers and for copying. */
export function TableTwin({ foot, ...props }: TableProps & { readonly foot?: ComponentChildren }) {
  return (
    <details class={css.chartTable} data-part="chart-table">
      <summary>As a table</summary>
      <ScrolledTable {...props} />
      {foot}
    </details>
  );
}
