/** What is told of one feature of a customer: whether it is on, what it is set to, and how much of its meter is included. */
export interface ToldEntitlement {
  enabled: boolean;
  value: number | string | null;
  included: number | null;
}

export type EntitlementChange = 'entitlement.granted' | 'entitlement.changed' | 'entitlement.revoked';

/** What became of each feature, by its id. One that was not there before was off; what is off has nothing that could differ. */
export function entitlementChanges(
  before: Readonly<Record<string, ToldEntitlement>>,
  after: Readonly<Record<string, ToldEntitlement>>,
): { feature_id: string; change: EntitlementChange }[] {
  const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return ids.flatMap((feature_id): { feature_id: string; change: EntitlementChange }[] => {
    const [was, is] = [before[feature_id], after[feature_id]];
    const [wasOn, isOn] = [was?.enabled === true, is?.enabled === true];
    if (!wasOn && isOn) return [{ feature_id, change: 'entitlement.granted' }];
    if (wasOn && !isOn) return [{ feature_id, change: 'entitlement.revoked' }];
    const differs = was?.value !== is?.value || was?.included !== is?.included;
    return isOn && differs ? [{ feature_id, change: 'entitlement.changed' }] : [];
  });
}
