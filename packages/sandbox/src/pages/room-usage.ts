import { remainderOf } from '../resources/usage/credit-ledger.ts';
import { formatAmount } from '../billing/money.ts';
import type { Tx } from '../store/store.ts';
import { html, type Html } from './html.ts';
import { instant, jsonLink, newest, table } from './room-parts.ts';

function meters(tx: Tx): Html {
  const rows = newest(tx.all('meter')).map((meter) => {
    const events = tx.all('meter_event').filter((event) => event.meter === meter.id);
    const count = (state: 'accepted' | 'canceled' | 'rejected'): number =>
      events.filter((event) => event.state === state).length;
    return html`<tr>
      <td>${jsonLink(`/v1/billing/meters/${meter.id}`, meter.display_name)}</td>
      <td>${meter.event_name}</td>
      <td>${meter.formula}</td>
      <td>${meter.status}</td>
      <td>${count('accepted')} counted, ${count('rejected')} rejected, ${count('canceled')} taken back</td>
    </tr>`;
  });
  const lost = tx.all('meter_event').filter((event) => event.meter === null).length;
  const above = lost === 0 ? null : html`<p class="soft small">${lost} events had a name that no meter listens to.</p>`;
  return table('Meters', ['Meter', 'Event name', 'Formula', 'Status', 'Events'], rows, above);
}

function grants(tx: Tx): Html {
  const rows = newest(tx.all('credit_grant')).map(
    (grant) =>
      html`<tr>
        <td>${jsonLink(`/v1/billing/credit_grants/${grant.id}`, grant.name ?? grant.id)}</td>
        <td>${grant.customer}</td>
        <td>${grant.expires_at === null ? 'never' : instant(grant.expires_at * 1000)}</td>
        <td class="num">${formatAmount(grant.amount, grant.currency)}</td>
        <td class="num">${formatAmount(remainderOf(tx, grant.id), grant.currency)}</td>
      </tr>`,
  );
  return table('Credit grants', ['Grant', 'Customer', 'Expires (UTC)', 'Amount', 'Left'], rows);
}

function thinEvents(tx: Tx): Html {
  const deliveries = tx.all('delivery');
  const rows = newest(tx.all('thin_event')).map((event) => {
    const own = deliveries.filter((each) => each.event === event.id);
    return html`<tr>
      <td>${instant(event.created_ms)}</td>
      <td>${jsonLink(`/v2/core/events/${event.id}`, event.type)}</td>
      <td>${event.related_object?.id}</td>
      <td>${own.map((each) => each.state).join(', ')}</td>
    </tr>`;
  });
  return table('Thin events', ['At (UTC)', 'Type', 'Object', 'Deliveries'], rows);
}

/** Meters, credit grants and thin events; each only once there is one. */
export function usageSections(tx: Tx): Html[] {
  const sections: Html[] = [];
  if (tx.all('meter').length > 0) sections.push(meters(tx));
  if (tx.all('credit_grant').length > 0) sections.push(grants(tx));
  if (tx.all('thin_event').length > 0) sections.push(thinEvents(tx));
  return sections;
}
