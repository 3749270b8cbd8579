import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { noSuch } from '../../http/api-error.ts';
import { emptyable, integer, oneOf, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { AcceptanceRecord, MandateRecord } from '../../store/records.ts';
import { type Context, emitUpdate } from '../context.ts';

/** How the holder agreed, as a request tells it; `''` tells nothing. */
export const mandateDataParam = emptyable(
  shape({
    customer_acceptance: shape({
      accepted_at: integer(0),
      offline: shape({}),
      online: shape({ ip_address: text(), user_agent: text() }),
      type: oneOf(['offline', 'online']),
    }),
  }),
);

type Given = ReturnType<typeof mandateDataParam.read>;

/** The consent in a request; `null` without one. */
export function acceptanceOf(given: Given | undefined): AcceptanceRecord | null {
  const accepted = given?.customer_acceptance;
  if (accepted === undefined) return null;
  const { ip_address = '', user_agent = '' } = accepted.online ?? {};
  return {
    accepted_at: accepted.accepted_at ?? null,
    online: accepted.type === 'online' ? { ip_address, user_agent } : null,
  };
}

/** Renders a mandate. */
export function renderMandate(mandate: MandateRecord): Wire<Stripe.Mandate> {
  const { accepted_at, online } = mandate.acceptance;
  return {
    id: mandate.id,
    object: 'mandate',
    customer_acceptance: {
      accepted_at,
      ...(online === null ? { offline: {}, type: 'offline' } : { online, type: 'online' }),
    },
    livemode: false,
    ...(mandate.single_use === null ? { multi_use: {} } : { single_use: mandate.single_use }),
    payment_method: mandate.payment_method,
    payment_method_details: { card: {}, type: 'card' },
    status: mandate.status,
    type: mandate.single_use === null ? 'multi_use' : 'single_use',
  };
}

/** Writes the holder's consent down. */
export function createMandate(
  context: Context,
  facts: Pick<MandateRecord, 'acceptance' | 'payment_method' | 'single_use'>,
): MandateRecord {
  const { tx } = context;
  const acceptance = { ...facts.acceptance, accepted_at: facts.acceptance.accepted_at ?? tx.wall };
  return tx.put('mandate', { ...facts, id: tx.newId('mandate_'), acceptance, status: 'active' });
}

/** A card that leaves its customer takes its mandates along. */
export function endMandates(context: Context, payment_method: string): void {
  const { tx } = context;
  for (const old of tx.all('mandate')) {
    if (old.payment_method !== payment_method || old.status === 'inactive') continue;
    const mandate = tx.put('mandate', { ...old, status: 'inactive' });
    emitUpdate(context, 'mandate.updated', renderMandate(old), renderMandate(mandate));
  }
}

export const mandateRoutes = [
  route('GET /v1/mandates/{id}', {}, ({ tx }, _params, id) => {
    const mandate = tx.get('mandate', id);
    if (mandate === undefined) throw noSuch('mandate', id);
    return renderMandate(mandate);
  }),
];
