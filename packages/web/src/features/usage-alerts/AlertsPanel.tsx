import { Skeleton } from '@mantine/core';
import type { UsageAlertSettings } from '../../lib/wire-usage.ts';
import { Fault } from '../../ui/Fault.tsx';
import { OneFieldForm } from '../../ui/OneFieldForm.tsx';
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
  return (
    <OneFieldForm
      set={useSetAlerts(settings.customer_id)}
      read={percentsOf}
      field={{
        label: 'Tell at, in percent',
        description: 'Of what is included, of the spend cap and of credit; by mail and webhook, once per period',
        placeholder: '50, 80',
        defaultValue: settings.in_force.join(', '),
      }}
      submit="Set alerts"
      takeBack={settings.percents === null ? null : 'As the plan says'}
    />
  );
}
