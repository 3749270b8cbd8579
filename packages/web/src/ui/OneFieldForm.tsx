import { Button, TextInput, type TextInputProps } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../lib/http.ts';
import { Notice } from './Notice.tsx';
import classes from './PanelForm.module.css';

interface OneFieldFormProps<T> {
  /** Keeps what is given; null takes back what was set before. */
  set: { mutate(value: T | null): void; isPending: boolean; isError: boolean; error: unknown };
  /** What was written. @throws RangeError with what is wrong with it */
  read(text: string): T;
  field: TextInputProps;
  submit: string;
  /** What taking it back is called; null where nothing was set. */
  takeBack: string | null;
}

/** A setting of one field within a panel. What is wrong is said at the field, and what failed above it. */
export function OneFieldForm<T>({ set, read, field, submit, takeBack }: OneFieldFormProps<T>) {
  const [fault, setFault] = useState<string | null>(null);

  function send(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('value');
    try {
      set.mutate(read(typeof text === 'string' ? text.trim() : ''));
      setFault(null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      setFault(error.message);
    }
  }

  return (
    <form className={classes.form} onSubmit={send}>
      {set.isError ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
      <TextInput {...field} name="value" error={fault} />
      <div className={classes.buttons}>
        {takeBack === null ? null : (
          <Button variant="default" loading={set.isPending} onClick={() => set.mutate(null)}>
            {takeBack}
          </Button>
        )}
        <Button type="submit" loading={set.isPending}>
          {submit}
        </Button>
      </div>
    </form>
  );
}
