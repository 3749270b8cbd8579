import { exampleUrl } from '../../lib/example-url.ts';
import { useSeller } from '../../lib/session.ts';
import { CodeLine } from '../../ui/CodeLine.tsx';
import { CopyButton } from '../../ui/CopyButton.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { firstCall } from './key-words.ts';
import classes from './SecretBox.module.css';

/** A new secret, shown this once, and a first call that uses it. */
export function SecretBox({ secret }: { secret: string }) {
  const seller = useSeller();
  const call = seller ? firstCall(exampleUrl(seller), secret) : null;
  return (
    <div className={classes.box}>
      <Notice tone="warn">Copy it now. It is stored only as a digest: nobody can show it to you again.</Notice>
      <CodeLine big label="Secret key" text={secret} action={<CopyButton text={secret} variant="filled" />} />
      {call ? (
        <>
          <p className={classes.try}>Try it in a terminal:</p>
          <CodeLine label="First call" text={call} action={<CopyButton text={call} label="Copy command" />} />
        </>
      ) : null}
    </div>
  );
}
