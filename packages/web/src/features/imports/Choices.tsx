import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { usePlans } from '../plan/api.ts';
import classes from './imports.module.css';

interface ChoicesProps {
  choices: Record<string, string>;
  onChange: (choices: Record<string, string>) => void;
}

/** Prices that no plan has by itself: an old amount, another product. Whoever knows says which plan they are. */
export function Choices({ choices, onChange }: ChoicesProps) {
  const [object, setObject] = useState('');
  const [plan, setPlan] = useState('');
  const plans = usePlans();
  const chosen = Object.entries(choices);
  const isWhole = /^(price|prod)_\w+$/.test(object.trim()) && plan !== '';
  return (
    <form
      className={classes.choices}
      aria-label="Prices and their plans"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isWhole) return;
        onChange({ ...choices, [object.trim()]: plan });
        setObject('');
      }}
    >
      <TextInput
        size="sm"
        label="A price or product of Stripe"
        placeholder="price_…"
        value={object}
        onChange={(event) => setObject(event.currentTarget.value)}
      />
      <NativeSelect
        size="sm"
        label="is the plan"
        value={plan}
        onChange={(event) => setPlan(event.currentTarget.value)}
        data={[
          { value: '', label: 'Choose' },
          ...(plans.data ?? []).map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <Button type="submit" size="sm" variant="default" disabled={!isWhole}>
        Add
      </Button>
      {chosen.length === 0 ? null : (
        <ul className={classes.chosen} aria-label="Chosen">
          {chosen.map(([id, planId]) => (
            <li key={id}>
              <code>{id}</code>
              <span>{planId}</span>
              <Button
                size="compact-xs"
                variant="subtle"
                onClick={() => onChange(Object.fromEntries(chosen.filter(([other]) => other !== id)))}
              >
                Remove<span className="visually-hidden"> {id}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
