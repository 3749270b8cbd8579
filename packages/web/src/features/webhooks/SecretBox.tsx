import { CodeLine } from '../../ui/CodeLine.tsx';
import { CopyButton } from '../../ui/CopyButton.tsx';
import { Notice } from '../../ui/Notice.tsx';
import classes from './webhooks.module.css';

/** A signing secret, shown this once. */
export function SecretBox({ secret }: { secret: string }) {
  return (
    <div className={classes.box}>
      <Notice tone="warn">Copy it now: it is not shown again. Your program checks signatures with it.</Notice>
      <CodeLine big label="Signing secret" text={secret} action={<CopyButton text={secret} variant="filled" />} />
    </div>
  );
}
