import { Button, Modal, TextInput } from '@mantine/core';
import type { FormEvent } from 'react';
import { faultText } from '../../lib/http.ts';
import type { UsageEvent } from '../../lib/wire-usage.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useCorrection } from './api.ts';
import { effectWords } from './correction-words.ts';
import dialog from '../../ui/Dialog.module.css';

interface DialogProps {
  customerId: string;
  chosen: { event: UsageEvent; kind: 'void' | 'correct' } | null;
  onClose: () => void;
  /** Hears what it changed. */
  onDone: (words: string) => void;
}

/** An event is put right: it did not happen, or it counts with another quantity. Says what that does to the bill. */
export function CorrectDialog({ customerId, chosen, onClose, onDone }: DialogProps) {
  const correction = useCorrection(customerId);
  const isVoid = chosen?.kind === 'void';

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    if (chosen === null) return;
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => {
      const value = form.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    const right = isVoid ? {} : { quantity: Number(text('quantity')) };
    correction.mutate(
      { ...chosen, ...right, reason: text('reason') },
      {
        onSuccess: (made) => {
          onDone(effectWords(made));
          onClose();
        },
      },
    );
  }

  return (
    <Modal
      opened={chosen !== null}
      onClose={onClose}
      onExitTransitionEnd={correction.reset}
      title={isVoid ? 'Void this event' : 'Correct this event'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form className={dialog.form} onSubmit={submit}>
        {correction.isError ? <Notice tone="bad">{faultText(correction.error)}</Notice> : null}
        <p className={dialog.text}>
          Before its period is billed this costs nothing. After, the difference is a line of the next invoice with the
          reason.
        </p>
        {isVoid ? null : (
          <TextInput
            name="quantity"
            type="number"
            min={0}
            step={1}
            required
            label="Quantity"
            defaultValue={chosen?.event.quantity ?? 1}
          />
        )}
        <TextInput
          name="reason"
          label="Reason"
          description="As the customer reads it"
          required
          minLength={3}
          maxLength={200}
          data-autofocus
        />
        <div className={dialog.buttons}>
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" loading={correction.isPending}>
            {isVoid ? 'Void event' : 'Correct event'}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
