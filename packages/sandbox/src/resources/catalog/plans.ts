import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { flag, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PriceRecord } from '../../store/records.ts';
import { renderPlan } from './prices.ts';

function isPlan(price: PriceRecord | undefined): price is PriceRecord {
  return price !== undefined && price.recurring !== null;
}

/** Recurring prices in their older face. They are made and changed as prices. */
export const planRoutes = [
  route('GET /v1/plans/{id}', {}, ({ tx }, _params, id) => {
    const price = tx.get('price', id);
    if (!isPlan(price)) throw noSuch('plan', id, 'id');
    return renderPlan(price);
  }),
  route('GET /v1/plans', { ...pageParams, active: flag(), created: range(), product: text() }, ({ tx }, params) => {
    const wanted = tx.all('price').filter((price) => {
      if (!isPlan(price)) return false;
      if (params.active !== undefined && price.active !== params.active) return false;
      if (params.product !== undefined && price.product !== params.product) return false;
      return within(price.created, params.created);
    });
    return page('/v1/plans', wanted, params, 'plan', renderPlan);
  }),
];
