import { anchorOf } from '../../billing/periods.ts';
import { invalidParam } from '../../http/api-error.ts';
import { integer, named, type Read, shape } from '../../http/params.ts';
import type { AnchorConfig, Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { boundary } from '../../time/calendar.ts';
import { intervalOf } from './billing-mode.ts';

/** How a new subscription says from when its periods are counted. */
export const anchorParams = {
  backdate_start_date: integer(0),
  billing_cycle_anchor: integer(0),
  billing_cycle_anchor_config: shape({
    day_of_month: integer(1, 31),
    hour: integer(0, 23),
    minute: integer(0, 59),
    month: integer(1, 12),
    second: integer(0, 59),
  }),
};

type Params = Partial<Read<typeof anchorParams>>;

/** From when the periods of a new subscription are counted, where a request says so. */
export interface Anchoring {
  /** The first day on which a full period is billed; `null` leaves it to the start, or the end of the trial. */
  anchor: Seconds | null;
  config: AnchorConfig | null;
  /** An earlier start; the time since then is billed too. */
  starts_at: Seconds | null;
}

function configured(
  tx: Tx,
  params: Params,
  prices: readonly { price: string }[],
  from: Seconds,
  path: string,
): AnchorConfig | null {
  const wanted = params.billing_cycle_anchor_config;
  if (wanted === undefined) return null;
  const param = named(path, 'billing_cycle_anchor_config');
  if (params.billing_cycle_anchor !== undefined) {
    throw invalidParam(
      'You may only specify one of these parameters: billing_cycle_anchor, billing_cycle_anchor_config.',
      param,
    );
  }
  const units = prices.map((price) => intervalOf(tx, price).interval);
  if (units.some((unit) => unit !== 'month' && unit !== 'year')) {
    throw invalidParam('`billing_cycle_anchor_config` is only for prices that recur by months or years.', param);
  }
  if (wanted.month !== undefined && units.every((unit) => unit === 'month') && monthsOf(tx, prices) === 1) {
    throw invalidParam('`month` has no meaning for prices that recur every month.', `${param}[month]`);
  }
  const now = new Date(from * 1000);
  const day_of_month = wanted.day_of_month ?? now.getUTCDate();
  const { hour = null, minute = null, month = null, second = null } = wanted;
  return { day_of_month, hour, minute, month, second };
}

function monthsOf(tx: Tx, prices: readonly { price: string }[]): number {
  return Math.min(...prices.map((price) => intervalOf(tx, price).interval_count));
}

/** Reads where the periods of a new subscription begin; `trial_end` is what goes before the first paid one. */
export function anchoringOf(
  tx: Tx,
  params: Params,
  prices: readonly { price: string }[],
  trial_end: Seconds | null,
  path = '',
): Anchoring {
  const from = trial_end ?? tx.now;
  const config = configured(tx, params, prices, from, path);
  const anchor = config === null ? (params.billing_cycle_anchor ?? null) : anchorOf(config, from);
  if (anchor !== null) {
    if (anchor <= tx.now) {
      throw invalidParam(
        'The `billing_cycle_anchor` timestamp must be in the future.',
        named(path, 'billing_cycle_anchor'),
      );
    }
    // An anchor later than the first natural date of a yearly price would leave more than a whole period before it.
    const natural = Math.max(...prices.map((price) => boundary(from, intervalOf(tx, price), 1)));
    if (config === null && anchor > natural) {
      throw invalidParam(
        `The \`billing_cycle_anchor\` cannot be later than next natural billing date (${natural}) for the price.`,
        named(path, 'billing_cycle_anchor'),
      );
    }
  }
  const starts_at = params.backdate_start_date ?? null;
  if (starts_at !== null && starts_at >= tx.now) {
    throw invalidParam('The `backdate_start_date` timestamp must be in the past.', 'backdate_start_date');
  }
  return { anchor, config, starts_at };
}
