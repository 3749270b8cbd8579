import { useSeller } from '../../lib/session.ts';
import { Status } from '../../ui/Status.tsx';

/** Says that no real money moves; nothing in live mode. */
export function ModeMark() {
  const seller = useSeller();
  return seller && !seller.livemode ? <Status tone="warn">Test mode</Status> : null;
}
