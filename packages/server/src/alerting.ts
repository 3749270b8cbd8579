import { usualAlertPercents } from '@farebox/core';
import type { Accounts } from './accounts/service.ts';
import type { AppOptions } from './app.ts';
import type { Credits } from './credits/service.ts';
import type { Customers } from './customers/service.ts';
import type { Tx } from './db/database.ts';
import { invariant } from './lib/invariant.ts';
import type { Notices } from './notices/service.ts';
import type { Telling } from './telling.ts';
import { type NewAlert, createAlerts } from './usage/alerts/service.ts';
import { createAlertLooks } from './usage/alerts/looks.ts';
import { createAlertSettings } from './usage/alerts/settings.ts';
import type { Usage } from './usage/service.ts';

/** Joins what tells of usage: the looks, the mails and the events. Its part of `createApp`. */
export function connectAlerting(
  deps: Pick<AppOptions, 'config' | 'db' | 'clock' | 'list' | 'log'> & {
    usage: Usage;
    credits: Credits;
    accounts: Pick<Accounts, 'audit'>;
    customers: Pick<Customers, 'find' | 'get'>;
    notices: Pick<Notices, 'enqueue'>;
    telling: Pick<Telling, 'alert'>;
  },
) {
  const { config, list, log, usage } = deps;
  const alerts = createAlerts({
    ...deps,
    summaries: (id) => usage.summaries(id),
    usedInPeriods: (scopes) => usage.usedInPeriods(scopes),
    creditsOf: async (id) => {
      const { granted_minor, balance_minor, running_minor } = await deps.credits.balance(id);
      return { granted_minor, available_minor: balance_minor - running_minor };
    },
    told,
  });
  const looks = createAlertLooks({
    look: alerts.look,
    onRecorded: usage.onRecorded,
    onError: (error, customer_id) =>
      log.warn({ err: error, customer_id }, 'usage was not looked at; it is again in an hour'),
  });
  const settings = createAlertSettings({
    db: deps.db,
    findCustomer: (id) => deps.customers.get(id),
    planPercents: async (id) => (await usage.summaries(id))[0]?.alert_percents ?? usualAlertPercents,
    audit: deps.accounts.audit,
    changed: looks.soon,
  });
  return {
    ...alerts,
    settings,
    settle: looks.settle,
    close: looks.close,
  };

  /** The customer by mail, programs by webhook; of what is unusual the seller by mail too. That all is well again, programs alone. */
  async function told(tx: Tx, alert: NewAlert): Promise<void> {
    const { id, customer_id, title, sentence } = alert;
    const customer = await deps.customers.find(tx, customer_id);
    invariant(customer !== null, 'an alert is of a stored customer');
    await deps.telling.alert(tx, alert);
    if (alert.type === 'quota.reset') return;
    const mail = (recipient: string, whose: string | null, name: string, about: string | null, path: string) =>
      deps.notices.enqueue(tx, {
        kind: 'usage_alert',
        dedupe_key: `${id}:${whose === null ? 'seller' : 'customer'}`,
        recipient,
        customer_id: whose,
        data: { name, about, title, sentence, dashboard_url: `${config.base_url}/${path}` },
      });
    await mail(customer.email, customer_id, customer.name, null, 'dashboard');
    const { support_email, name } = list.seller;
    if (alert.type === 'usage.anomaly')
      await mail(support_email, null, name, customer.name, `admin/customers/${customer_id}`);
  }
}
