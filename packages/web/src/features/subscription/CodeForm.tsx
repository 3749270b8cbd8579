import { Button, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import { useRedeem } from './api.ts';
import classes from './subscription.module.css';

/** A promotion code for a subscription that runs: it counts from the next invoice. */
export function CodeForm({ subscriptionId }: { subscriptionId: string }) {
  const [open, setOpen] = useState(false);
  const redeem = useRedeem(subscriptionId);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const code = new FormData(event.currentTarget).get('code');
    if (typeof code === 'string' && code.trim() !== '') redeem.mutate(code.trim(), { onSuccess: () => setOpen(false) });
  }

  if (!open) {
    return (
      <Button variant="subtle" color="gray" onClick={() => setOpen(true)}>
        Add a code
      </Button>
    );
  }
  return (
    <form className={classes.code} onSubmit={submit}>
      <TextInput
        name="code"
        label="Promotion code"
        autoComplete="off"
        maxLength={100}
        data-autofocus
        autoFocus
        error={redeem.isError ? faultText(redeem.error) : undefined}
      />
      <div className={classes.row}>
        <Button type="submit" loading={redeem.isPending}>
          Redeem
        </Button>
        <Button variant="subtle" color="gray" onClick={() => setOpen(false)}>
          Close
        </Button>
      </div>
    </form>
  );
}
