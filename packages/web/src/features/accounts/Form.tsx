import { Button, PasswordInput, TextInput } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { Notice } from '../../ui/Notice.tsx';
import { accountAdvice } from './api.ts';
import dialog from '../../ui/Dialog.module.css';

/** The shortest password the server accepts. */
const minimumLength = 10;

interface FormProps {
  submit: string;
  busy: boolean;
  error: unknown;
  /** Gets each field by its name. */
  onSubmit: (values: Record<string, string>) => void;
  children: ReactNode;
}

/** A column of fields and one button; the browser checks what is required. */
export function Form({ submit, busy, error, onSubmit, children }: FormProps) {
  function handle(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget).entries()];
    onSubmit(
      Object.fromEntries(entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []))),
    );
  }
  return (
    <form className={dialog.form} onSubmit={handle}>
      {error ? <Notice tone="bad">{accountAdvice(error)}</Notice> : null}
      {children}
      <Button type="submit" size="md" loading={busy} fullWidth>
        {submit}
      </Button>
    </form>
  );
}

export function NameField({ label = 'Name' }: { label?: string }) {
  return <TextInput name="name" label={label} autoComplete="name" required withAsterisk={false} maxLength={200} />;
}

export function EmailField() {
  return (
    <TextInput
      name="email"
      type="email"
      label="Email"
      autoComplete="email"
      required
      withAsterisk={false}
      maxLength={254}
    />
  );
}

export function PasswordField({ fresh = false, label = 'Password' }: { fresh?: boolean; label?: string }) {
  return (
    <PasswordInput
      name="password"
      label={label}
      autoComplete={fresh ? 'new-password' : 'current-password'}
      description={fresh ? `At least ${minimumLength} characters` : undefined}
      {...(fresh ? { minLength: minimumLength } : {})}
      required
      withAsterisk={false}
      maxLength={256}
      visibilityToggleButtonProps={{ 'aria-label': 'Show the characters' }}
    />
  );
}
