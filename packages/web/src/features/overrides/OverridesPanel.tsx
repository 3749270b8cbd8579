import { type FeatureValue, mergeFeatures } from '@farebox/core';
import { Button, NativeSelect, Skeleton, TextInput } from '@mantine/core';
import type { FormEvent } from 'react';
import { formatCount, formatDay, formatMoment } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import { useSeller } from '../../lib/session.ts';
import type { CustomerOverrides, EffectivePlan, OverrideChange } from '../../lib/wire.ts';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { groupName } from '../plan/plan-words.ts';
import { useFeatures, useOverrides, useSetOverrides } from './api.ts';
import panel from '../../ui/PanelForm.module.css';
import classes from './overrides.module.css';
import { overridesWish, windowsOf } from './wish.ts';

/** What one customer has other than its plan says, and who said so. */
export function OverridesPanel({ customerId }: { customerId: string }) {
  const read = useOverrides(customerId);
  const mark = read.data?.in_force === true ? <Status tone="brand">In force</Status> : null;
  return (
    <Panel title="Overrides" mark={mark}>
      {read.isError ? <Fault what="The overrides" error={read.error} retry={read.refetch} /> : null}
      {read.isPending ? <Skeleton height={180} radius="md" /> : null}
      {read.data === undefined ? null : <Overrides read={read.data} />}
    </Panel>
  );
}

function Overrides({ read }: { read: CustomerOverrides }) {
  const set = useSetOverrides(read.customer_id);
  const { effective, overrides, history } = read;
  if (effective.length === 0)
    return <Empty title="No subscription">There is no plan to say something else than.</Empty>;

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget).entries()];
    const texts = entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []));
    set.mutate(overridesWish(Object.fromEntries(texts), read));
  }

  return (
    <>
      {/* A change makes the form anew, with what counts now. */}
      <form className={panel.form} onSubmit={submit} key={history[0]?.from_at ?? 'none'}>
        {set.isError ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
        <div className={classes.fields}>
          <Fields effective={effective} overrides={overrides} />
          <TextInput
            name="expires_on"
            type="date"
            label="Until"
            description="For ever, unless said"
            defaultValue={overrides?.expires_at?.slice(0, 10) ?? ''}
          />
          <TextInput name="reason" label="Reason" required withAsterisk={false} maxLength={500} />
        </div>
        <div className={panel.buttons}>
          {overrides === null ? null : (
            <Button variant="default" loading={set.isPending} onClick={() => set.mutate(null)}>
              Back to the plan
            </Button>
          )}
          <Button type="submit" loading={set.isPending}>
            Save
          </Button>
        </div>
      </form>
      <History history={history} />
    </>
  );
}

interface FieldsProps {
  effective: readonly EffectivePlan[];
  overrides: OverrideChange | null;
}

/** One field for each thing the plans say. */
function Fields({ effective, overrides }: FieldsProps) {
  const seller = useSeller();
  const features = useFeatures().data?.data ?? [];
  const meterName = (id: string) => seller?.meters.find((meter) => meter.id === id)?.name ?? id;
  // What an older version of a plan has and the price list does not any more is called by its id.
  const featureName = (id: string) => features.find((feature) => feature.id === id)?.name ?? id;
  return (
    <>
      {windowsOf(effective).map(({ key, name, limit, group }) => (
        <Count
          key={key}
          name={`limit.${key}`}
          label={
            key === name ? `Requests per ${name}` : `Requests per ${name}, ${groupName(seller?.groups ?? [], group)}`
          }
          set={overrides?.limits[key] ?? overrides?.limits[name]}
          now={limit}
        />
      ))}
      {effective
        .flatMap(({ usage }) => usage)
        .map(({ meter_id, included, quota }) => (
          <div key={meter_id} className={classes.pair}>
            <Count
              name={`included.${meter_id}`}
              label={`Included ${meterName(meter_id)}`}
              set={overrides?.included[meter_id]}
              now={included}
            />
            <NativeSelect
              name={`quota.${meter_id}`}
              label={`Past the included ${meterName(meter_id)}`}
              defaultValue={overrides?.quota[meter_id] ?? ''}
              data={[
                { value: '', label: `As the plan says (${quota})` },
                { value: 'soft', label: 'Bill it' },
                { value: 'hard', label: 'Refuse it' },
              ]}
            />
          </div>
        ))}
      {Object.entries(mergeFeatures(effective, {})).map(([id, value]) => (
        <FeatureField key={id} id={id} name={featureName(id)} now={value} set={overrides?.features[id]} />
      ))}
    </>
  );
}

function Count({ name, label, set, now }: { name: string; label: string; set: number | undefined; now: number }) {
  return (
    <TextInput
      name={name}
      type="number"
      min={0}
      step={1}
      label={label}
      placeholder={formatCount(now)}
      defaultValue={set ?? ''}
    />
  );
}

interface FeatureProps {
  id: string;
  name: string;
  now: FeatureValue;
  set: FeatureValue | undefined;
}

function FeatureField({ id, name, now, set }: FeatureProps) {
  if (typeof now !== 'boolean')
    return (
      <TextInput
        name={`feature.${id}`}
        type={typeof now === 'number' ? 'number' : 'text'}
        label={name}
        placeholder={String(now)}
        defaultValue={set === undefined ? '' : String(set)}
      />
    );
  return (
    <NativeSelect
      name={`feature.${id}`}
      label={name}
      defaultValue={set === undefined ? '' : set === true ? 'on' : 'off'}
      data={[
        { value: '', label: `As the plan says (${now ? 'on' : 'off'})` },
        { value: 'on', label: 'On' },
        { value: 'off', label: 'Off' },
      ]}
    />
  );
}

function History({ history }: { history: readonly OverrideChange[] }) {
  if (history.length === 0) return null;
  return (
    <ol className={classes.history} aria-label="Changes">
      {history.map((change) => (
        <li key={change.from_at}>
          <strong>{change.reason ?? 'Removed'}</strong>
          <span>
            {formatMoment(change.from_at)} by {change.actor}
            {change.expires_at === null ? '' : `, until ${formatDay(change.expires_at)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}
