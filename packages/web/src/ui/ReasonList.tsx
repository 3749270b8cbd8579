import classes from './ReasonList.module.css';

interface ReasonListProps {
  label: string;
  /** Undefined while loading. */
  rows: readonly { id: string; reason: string | null }[] | undefined;
}

/** What was left out of something, each with why. */
export function ReasonList({ label, rows }: ReasonListProps) {
  return (
    <ul className={classes.reasons} aria-label={label} aria-busy={rows === undefined}>
      {rows?.map(({ id, reason }) => (
        <li key={id}>
          <code>{id}</code>
          <span>{reason}</span>
        </li>
      ))}
    </ul>
  );
}
