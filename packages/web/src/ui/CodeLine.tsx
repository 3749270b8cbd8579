import type { ReactNode } from 'react';
import classes from './CodeLine.module.css';

interface CodeLineProps {
  label: string;
  text: string;
  /** A copy button. */
  action?: ReactNode;
  big?: boolean;
}

/** Text to be copied exactly: a secret, a command. */
export function CodeLine({ label, text, action, big = false }: CodeLineProps) {
  return (
    <div className={classes.line} data-big={big}>
      <pre tabIndex={0} aria-label={label} role="group">
        <code>{text}</code>
      </pre>
      {action}
    </div>
  );
}
