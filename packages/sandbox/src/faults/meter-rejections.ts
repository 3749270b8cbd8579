import type { Context } from '../resources/context.ts';
import type { MeterErrorCode } from '../store/usage-records.ts';
import { fits, isSpent, roll } from './faults.ts';

/** Why a meter event that was answered with 200 will not count, as a fault asks for; `null` without one. */
export function rejectedByFault({ tx, route }: Context): MeterErrorCode | null {
  const fault = tx
    .all('fault')
    .filter((each) => each.type === 'meter_error' && !isSpent(each) && fits(each, route))
    .find((each) => roll(tx, each));
  return fault === undefined ? null : fault.meter_code;
}
