import { everyEventType } from '@farebox/core';
import { Button, Checkbox, Switch, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText, HttpFault } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import type { Owner } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import classes from './webhooks.module.css';
import { typeGroups } from './words.ts';

export interface EndpointDraft {
  url: string;
  description: string;
  event_types: string[];
}

interface EndpointFormProps {
  owner: Owner;
  initial: EndpointDraft;
  /** What the button says. */
  label: string;
  isPending: boolean;
  error: unknown;
  onSubmit: (draft: EndpointDraft) => void;
  onCancel: () => void;
}

/** Where events are posted to, and which. What the server refuses is said at its field. */
export function EndpointForm({ owner, initial, label, isPending, error, onSubmit, onCancel }: EndpointFormProps) {
  const [draft, setDraft] = useState(initial);
  const set = (change: Partial<EndpointDraft>) => setDraft((before) => ({ ...before, ...change }));
  const urlFault = error instanceof HttpFault && error.param === 'url' ? faultText(error).replace(/^url: /, '') : null;

  function submit(event: FormEvent): void {
    event.preventDefault();
    onSubmit({ ...draft, url: draft.url.trim() });
  }

  return (
    <form onSubmit={submit} className={dialog.form}>
      {error !== null && urlFault === null ? <Notice tone="bad">{faultText(error)}</Notice> : null}
      <TextInput
        label="Address"
        description="Where events are posted to"
        placeholder="https://example.com/webhooks"
        inputMode="url"
        value={draft.url}
        onChange={(event) => set({ url: event.currentTarget.value })}
        error={urlFault}
        required
        withAsterisk={false}
        maxLength={2000}
        data-autofocus
      />
      <TextInput
        label="Description"
        placeholder="Bookkeeping"
        value={draft.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
        maxLength={200}
      />
      <EventPicker owner={owner} value={draft.event_types} onChange={(event_types) => set({ event_types })} />
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" loading={isPending} disabled={draft.url.trim() === '' || draft.event_types.length === 0}>
          {label}
        </Button>
      </div>
    </form>
  );
}

interface PickerProps {
  owner: Owner;
  value: string[];
  onChange: (types: string[]) => void;
}

/** Everything, or some types, by what they happen to. */
function EventPicker({ owner, value, onChange }: PickerProps) {
  const isAll = value.includes(everyEventType);
  return (
    <>
      <Switch
        label="Everything"
        description="Types of later versions too"
        checked={isAll}
        onChange={(event) => onChange(event.currentTarget.checked ? [everyEventType] : [])}
      />
      {isAll ? null : (
        <div className={classes.groups}>
          {typeGroups(owner).map((group) => (
            <fieldset key={group.resource} className={classes.group}>
              <legend>{group.label}</legend>
              {group.types.map(({ type, label }) => (
                <Checkbox
                  key={type}
                  size="xs"
                  label={label}
                  checked={value.includes(type)}
                  onChange={(event) =>
                    onChange(event.currentTarget.checked ? [...value, type] : value.filter((other) => other !== type))
                  }
                />
              ))}
            </fieldset>
          ))}
        </div>
      )}
    </>
  );
}
