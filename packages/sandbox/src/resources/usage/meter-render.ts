import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { noSuch } from '../../http/api-error.ts';
import type { Tx } from '../../store/store.ts';
import type { MeterRecord } from '../../store/usage-records.ts';

/** Renders a meter. */
export function renderMeter(meter: MeterRecord): Wire<Stripe.Billing.Meter> {
  return {
    id: meter.id,
    object: 'billing.meter',
    created: meter.created,
    customer_mapping: { event_payload_key: meter.customer_key, type: 'by_id' },
    default_aggregation: { formula: meter.formula },
    display_name: meter.display_name,
    event_name: meter.event_name,
    event_time_window: meter.event_time_window,
    livemode: false,
    status: meter.status,
    status_transitions: { deactivated_at: meter.deactivated_at },
    updated: meter.updated,
    value_settings: { event_payload_key: meter.value_key },
  };
}

/** A meter by an id that was sent as `param`. */
export function findMeter(tx: Tx, id: string, param = 'id'): MeterRecord {
  const meter = tx.get('meter', id);
  if (meter === undefined) throw noSuch('billing meter', id, param);
  return meter;
}
