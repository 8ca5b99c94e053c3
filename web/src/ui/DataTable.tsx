/* eslint-disable jsx-a11y/no-redundant-roles, jsx-a11y/no-interactive-element-to-noninteractive-role --
   the roles are explicit for the reason given below */
import { Fragment, type ReactNode } from 'react';

export interface Column<Row> {
  header: string;
  cell: (row: Row) => ReactNode;
  numeric?: boolean;
  /** A column of buttons: its heading is for screen readers only. */
  actions?: boolean;
}

interface DataTableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** What stands below a row, over its whole width; null: nothing. */
  below?: (row: Row) => ReactNode;
}

/**
 * A table that becomes a list of cards on a narrow screen. The first column names the row.
 *
 * The roles repeat what the elements mean because CSS that turns rows into blocks takes
 * the meaning away from assistive technology.
 */
export function DataTable<Row>({ caption, columns, rows, rowKey, below }: DataTableProps<Row>) {
  return (
    <div className="table-place">
      <table className="table" role="table">
        <caption className="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th
                key={column.header}
                role="columnheader"
                scope="col"
                className={column.numeric ? 'numeric' : undefined}
              >
                {column.actions ? <span className="visually-hidden">{column.header}</span> : column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => {
            const more = below?.(row) ?? null;
            return (
              <Fragment key={rowKey(row)}>
                <tr role="row" className={more === null ? undefined : 'row-continued'}>
                  {columns.map((column, index) =>
                    index === 0 ? (
                      <th key={column.header} role="rowheader" scope="row">
                        {column.cell(row)}
                      </th>
                    ) : (
                      <td
                        key={column.header}
                        role="cell"
                        className={classOf(column)}
                        data-label={column.actions ? undefined : column.header}
                      >
                        {column.cell(row)}
                      </td>
                    ),
                  )}
                </tr>
                {more !== null && (
                  <tr role="row" className="row-below">
                    <td role="cell" colSpan={columns.length}>
                      {more}
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function classOf<Row>(column: Column<Row>): string | undefined {
  if (column.actions) return 'actions';
  return column.numeric ? 'numeric' : undefined;
}
