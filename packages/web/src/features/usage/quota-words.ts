import { formatMoney } from '@farebox/core';
import { formatCount, formatDay } from '../../lib/format.ts';
import type { MeterSummary } from '../../lib/wire.ts';

export interface QuotaWords {
  state: 'within' | 'near' | 'over' | 'stopped';
  label: string | null;
  sentence: string;
}

/** From this share on, the customer is told that little is left. */
const near_share = 0.8;

/** How much of the included amount is used, and what happens past it. */
export function quotaWords(meter: MeterSummary, currency: string, period_end_at: string): QuotaWords {
  const share = meter.included === 0 ? 1 : meter.quantity / meter.included;
  const used = `${formatShare(share)} of ${formatCount(meter.included)} used`;
  if (meter.quota === 'hard' && meter.remaining === 0) {
    return { state: 'stopped', label: 'Used up', sentence: `Calls are refused until ${formatDay(period_end_at)}` };
  }
  if (meter.overage > 0) {
    const cost = formatMoney(meter.amount_minor, currency);
    return { state: 'over', label: 'Overage', sentence: `${formatCount(meter.overage)} over, ${cost}` };
  }
  if (share >= near_share) return { state: 'near', label: 'Almost used', sentence: used };
  return { state: 'within', label: null, sentence: used };
}

/** Rounded down: 99.9 % is not yet all. A little is not nothing. */
function formatShare(share: number): string {
  if (share > 0 && share < 0.01) return 'Under 1%';
  return `${formatCount(Math.floor(share * 100))}%`;
}
