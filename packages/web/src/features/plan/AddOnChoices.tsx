import type { Price } from '@farebox/core';
import { Checkbox, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { PublicPlan } from '../../lib/wire.ts';
import { useAddOns } from './api.ts';
import { addOnPriceWords } from './plan-words.ts';
import classes from './PlanPicker.module.css';

const prefix = 'add_on:';

/** What can be bought on top of a plan, as fields of its form. Nothing is shown where nothing goes with it. */
export function AddOnChoices({ plan_id, price }: { plan_id: string; price: Price }) {
  const addOns = useAddOns({ plan_id, price }).data ?? [];
  if (addOns.length === 0) return null;
  return (
    <fieldset className={classes.addOns}>
      <legend>Add to it</legend>
      {addOns.map((addOn) => (
        <AddOnChoice key={addOn.id} addOn={addOn} price={price} />
      ))}
    </fieldset>
  );
}

function AddOnChoice({ addOn, price }: { addOn: PublicPlan; price: Price }) {
  const [isChosen, setChosen] = useState(false);
  const own = addOn.prices.find(({ currency, interval }) => currency === price.currency && interval === price.interval);
  return (
    <div className={classes.addOn}>
      <Checkbox
        name={addOn.seats === null ? prefix + addOn.id : undefined}
        value="1"
        label={addOn.name}
        description={own === undefined ? addOn.description : addOnPriceWords(own)}
        checked={isChosen}
        onChange={(event) => setChosen(event.currentTarget.checked)}
      />
      {isChosen && addOn.seats !== null ? (
        <TextInput
          name={prefix + addOn.id}
          type="number"
          aria-label={`How many ${addOn.name}`}
          min={addOn.seats.minimum}
          max={addOn.seats.maximum ?? undefined}
          defaultValue={addOn.seats.minimum}
          required
          w={80}
        />
      ) : null}
    </div>
  );
}

/** The add-ons that a form of a plan names, each with how many. */
export function chosenAddOns(form: FormData): { plan_id: string; quantity: number }[] {
  return [...form].flatMap(([name, value]) =>
    name.startsWith(prefix) ? [{ plan_id: name.slice(prefix.length), quantity: Number(value) }] : [],
  );
}
