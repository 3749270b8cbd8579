import { catalogProbes } from './catalog.ts';
import { customerProbes } from './customers.ts';
import { eventProbes } from './events.ts';
import { fieldProbes } from './fields.ts';
import { hostedProbes } from './hosted.ts';
import { invoiceFieldProbes } from './invoice-fields.ts';
import { invoiceProbes } from './invoices.ts';
import { paymentProbes } from './payments.ts';
import { moneyProbes } from './money.ts';
import type { Probes } from './probe.ts';
import { scheduleProbes } from './schedules.ts';
import { searchProbes } from './search.ts';
import { sdkProbes } from './sdk.ts';
import { subscriptionProbes } from './subscriptions.ts';
import { usageProbes } from './usage.ts';

/** Every probe, by the file of this folder it stands in. */
export const probes: Record<string, Probes> = {
  catalog: catalogProbes,
  customers: customerProbes,
  payments: paymentProbes,
  money: moneyProbes,
  subscriptions: subscriptionProbes,
  schedules: scheduleProbes,
  invoices: invoiceProbes,
  usage: usageProbes,
  search: searchProbes,
  hosted: hostedProbes,
  events: eventProbes,
  fields: { ...fieldProbes, ...invoiceFieldProbes },
  sdk: sdkProbes,
};
