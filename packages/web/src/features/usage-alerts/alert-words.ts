import type { UsageAlertSettings } from '../../lib/wire-usage.ts';

/** When somebody is told: `At 50% and 80%, and when all is used, as the plan says.` */
export function alertWords({ percents, in_force }: UsageAlertSettings): string {
  const parts = in_force.map((percent) => `${percent}%`);
  const last = parts.pop();
  const at = last === undefined ? '' : `At ${parts.length === 0 ? last : `${parts.join(', ')} and ${last}`}, and when `;
  return `${at === '' ? 'When ' : at}all is used${percents === null ? ', as the plan says' : ''}.`;
}

/** The list that was typed, `50, 80`. @throws RangeError with what is wrong with it */
export function percentsOf(text: string): number[] {
  const parts = text.split(/[\s,;%]+/).filter((part) => part !== '');
  const percents = parts.map(Number);
  if (percents.some((percent) => !Number.isInteger(percent) || percent < 1 || percent > 99))
    throw new RangeError('Write whole numbers from 1 to 99, with commas: 50, 80');
  if (percents.length > 10) throw new RangeError('Ten at most.');
  return [...new Set(percents)].toSorted((a, b) => a - b);
}
