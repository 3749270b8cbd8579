import type { Fields } from './fields.ts';
import type { Plan } from './plan.ts';
import { mostAlertPercents } from './usage-alert.ts';

/** Reads the parts of a quota at which a plan's customers are told, in percent: whole, rising, each below all of it. */
export function readAlerts(fields: Fields, value: unknown, path: string): Pick<Plan, 'alerts'> {
  if (value === undefined) return {};
  const alerts: number[] = [];
  for (const [index, entry] of fields.list(value, path).entries()) {
    const at = `${path}[${index}]`;
    const percent = fields.integer(entry, at, 1);
    if (percent > 99) fields.fault(at, 'must be below 100: that all is used is told anyway');
    else if (percent <= (alerts.at(-1) ?? 0)) fields.fault(at, `must be more than ${alerts.at(-1)}`);
    alerts.push(percent);
  }
  if (alerts.length > mostAlertPercents) fields.fault(path, `must be ${mostAlertPercents} at most`);
  return { alerts };
}
