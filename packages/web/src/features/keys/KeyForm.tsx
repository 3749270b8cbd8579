import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText, HttpFault } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import dialog from '../../ui/Dialog.module.css';
import classes from './dialogs.module.css';
import type { KeyDraft } from './key-draft.ts';
import { expiryChoices, windowChoices } from './key-words.ts';

interface KeyFormProps {
  initial: KeyDraft;
  /** What the button says. */
  label: string;
  isPending: boolean;
  error: unknown;
  onSubmit: (draft: KeyDraft) => void;
  onCancel: () => void;
}

/** What a key is called and may do. What the server refuses is said at its field. */
export function KeyForm({ initial, label, isPending, error, onSubmit, onCancel }: KeyFormProps) {
  const [draft, setDraft] = useState(initial);
  const set = (change: Partial<KeyDraft>) => setDraft((before) => ({ ...before, ...change }));
  const faultOf = (...fields: string[]) =>
    error instanceof HttpFault && fields.some((field) => error.param?.startsWith(field))
      ? // Beside its field the text need not name it.
        faultText(error).replace(/^[\w.[\]]+: /, '')
      : null;
  const elsewhere = error !== null && faultOf('name', 'scopes', 'allowed_cidrs', 'expires_at', 'budget') === null;

  function submit(event: FormEvent): void {
    event.preventDefault();
    onSubmit(draft);
  }

  return (
    <form onSubmit={submit} className={dialog.form}>
      {elsewhere ? <Notice tone="bad">{faultText(error)}</Notice> : null}
      <TextInput
        label="Name"
        description="Where it will be used: it helps when you have to revoke one"
        placeholder="Production"
        value={draft.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        error={faultOf('name')}
        required
        withAsterisk={false}
        maxLength={100}
        data-autofocus
      />
      <TextInput
        label="Scopes"
        description="What it may do, separated by spaces; empty: everything"
        placeholder="read orders:write"
        value={draft.scopes}
        onChange={(event) => set({ scopes: event.currentTarget.value })}
        error={faultOf('scopes')}
      />
      <Textarea
        label="Allowed addresses"
        description="From where it may be used, one a line; empty: from anywhere"
        placeholder="203.0.113.0/24"
        value={draft.addresses}
        onChange={(event) => set({ addresses: event.currentTarget.value })}
        error={faultOf('allowed_cidrs')}
        rows={2}
      />
      <TimeAndBudget initial={initial} draft={draft} set={set} faultOf={faultOf} />
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" loading={isPending} disabled={draft.name.trim() === ''}>
          {label}
        </Button>
      </div>
    </form>
  );
}

interface PartProps {
  initial: KeyDraft;
  draft: KeyDraft;
  set: (change: Partial<KeyDraft>) => void;
  faultOf: (...fields: string[]) => string | null;
}

/** Until when it can be used, and how much. */
function TimeAndBudget({ initial, draft, set, faultOf }: PartProps) {
  return (
    <>
      <div className={classes.pair}>
        <NativeSelect
          label="Expires"
          data={expiryChoices(initial)}
          value={draft.expires}
          onChange={(event) => set({ expires: event.currentTarget.value })}
          error={draft.expires === 'on' ? null : faultOf('expires_at')}
        />
        {draft.expires === 'on' ? (
          <TextInput
            type="date"
            label="Last day (UTC)"
            value={draft.last_on}
            onChange={(event) => set({ last_on: event.currentTarget.value })}
            error={faultOf('expires_at')}
            required
            withAsterisk={false}
          />
        ) : null}
      </div>
      <div className={classes.pair}>
        <TextInput
          type="number"
          inputMode="numeric"
          min={1}
          label="Budget"
          description="Units it may use; empty: all of your plan’s"
          placeholder="10000"
          value={draft.budget_limit}
          onChange={(event) => set({ budget_limit: event.currentTarget.value })}
          error={faultOf('budget')}
        />
        <NativeSelect
          label="Within"
          description="Counted apart for each key"
          data={windowChoices(initial.budget_window)}
          value={draft.budget_window}
          disabled={draft.budget_limit === ''}
          onChange={(event) => set({ budget_window: event.currentTarget.value })}
        />
      </div>
    </>
  );
}
