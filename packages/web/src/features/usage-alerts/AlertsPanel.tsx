import { Button, Skeleton, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { UsageAlertSettings } from '../../lib/wire-usage.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { alertWords, percentsOf } from './alert-words.ts';
import { useAlertSettings, useSetAlerts } from './api.ts';
import classes from '../../ui/PanelForm.module.css';

/** At which parts of a quota, a spend cap and credit a customer is told, and where that is set. */
export function AlertsPanel({ customerId }: { customerId: string }) {
  const settings = useAlertSettings(customerId);
  return (
    <Panel title="Usage alerts" id="usage-alerts">
      {settings.isError && settings.data === undefined ? (
        <Fault what="Usage alerts" error={settings.error} retry={settings.refetch} />
      ) : null}
      {settings.isPending ? <Skeleton height={96} /> : null}
      {settings.data ? (
        <>
          <p className={classes.words}>{alertWords(settings.data)}</p>
          <AlertsForm key={String(settings.data.percents)} settings={settings.data} />
        </>
      ) : null}
    </Panel>
  );
}

function AlertsForm({ settings }: { settings: UsageAlertSettings }) {
  const set = useSetAlerts(settings.customer_id);
  const [fault, setFault] = useState<string | null>(null);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('percents');
    try {
      set.mutate(percentsOf(typeof text === 'string' ? text : ''));
      setFault(null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      setFault(error.message);
    }
  }

  return (
    <form className={classes.form} onSubmit={submit}>
      {set.isError ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
      <TextInput
        name="percents"
        label="Tell at, in percent"
        description="Of what is included, of the spend cap and of credit; by mail and webhook, once per period"
        error={fault}
        placeholder="50, 80"
        defaultValue={settings.in_force.join(', ')}
      />
      <div className={classes.buttons}>
        {settings.percents === null ? null : (
          <Button variant="default" loading={set.isPending} onClick={() => set.mutate(null)}>
            As the plan says
          </Button>
        )}
        <Button type="submit" loading={set.isPending}>
          Set alerts
        </Button>
      </div>
    </form>
  );
}
