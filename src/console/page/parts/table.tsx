import * as css from './table.module.css';
import type { ComponentChildren } from 'preact';

interface TableProps {
  readonly label: string;
  readonly heads: readonly string[];
  /** What is said of it in full, above it. */
  readonly caption?: string;
  /** The class of the table. */
  readonly kind?: string | undefined;
  /** Its rows. */
  readonly children: ComponentChildren;
}

/** A table that is scrolled in a box of its own, also by keys. */
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

/** The numbers of what is drawn above it: for screen readers, and for whoever wants to read or copy them. */
export function TableTwin({ foot, ...props }: TableProps & { readonly foot?: ComponentChildren }) {
  return (
    <details class={css.chartTable} data-part="chart-table">
      <summary>As a table</summary>
      <ScrolledTable {...props} />
      {foot}
    </details>
  );
}
