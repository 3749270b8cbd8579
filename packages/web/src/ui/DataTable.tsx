import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './DataTable.module.css';

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  align?: 'left' | 'right';
  /** Left out on a narrow screen, where the essential columns must fit. */
  wideOnly?: boolean;
  /** Says what the column is without showing it: a column of buttons. */
  hideHead?: boolean;
}

interface DataTableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  /** Undefined while loading. */
  rows: readonly T[] | undefined;
  keyOf: (row: T) => string;
  /** Shown when there is no row. */
  empty: ReactNode;
  /** A second row under a row, over all columns. */
  detail?: (row: T) => ReactNode;
}

export function DataTable<T>({ label, columns, rows, keyOf, empty, detail }: DataTableProps<T>) {
  if (rows?.length === 0) return empty;
  return (
    <div className={classes.scroll}>
      <table className={classes.table} aria-label={label} aria-busy={rows === undefined}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" data-align={column.align} data-wide-only={column.wideOnly}>
                <span className={column.hideHead ? 'visually-hidden' : undefined}>{column.head}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined
            ? [1, 2, 3, 4].map((row) => <WaitingRow key={row} columns={columns} />)
            : rows.map((row) => <Row key={keyOf(row)} row={row} columns={columns} detail={detail?.(row)} />)}
        </tbody>
      </table>
    </div>
  );
}

function Row<T>({ row, columns, detail }: { row: T; columns: readonly Column<T>[]; detail: ReactNode }) {
  return (
    <>
      <tr>
        {columns.map((column) => (
          <td key={column.head} data-align={column.align} data-wide-only={column.wideOnly}>
            {column.cell(row)}
          </td>
        ))}
      </tr>
      {detail ? (
        <tr className={classes.detail}>
          <td colSpan={columns.length}>{detail}</td>
        </tr>
      ) : null}
    </>
  );
}

function WaitingRow<T>({ columns }: { columns: readonly Column<T>[] }) {
  return (
    <tr>
      {columns.map((column) => (
        <td key={column.head} data-wide-only={column.wideOnly}>
          <Skeleton height={12} width="70%" />
        </td>
      ))}
    </tr>
  );
}
