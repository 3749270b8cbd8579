import { useNavigate } from '@tanstack/react-router';
import { WelcomeForm } from '../../features/accounts/WelcomeForm.tsx';
import { useFragmentToken } from '../../lib/fragment-token.ts';
import { useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';

/** The first run: makes the first operator, with the token of the link that the console showed. */
export function WelcomePage() {
  const token = useFragmentToken();
  const seller = useSeller();
  const navigate = useNavigate();
  return (
    <Narrow
      brand={seller?.name ?? ''}
      title="Welcome"
      lead="This installation has no operator yet. Create yours: it sees customers, subscriptions and events."
    >
      <WelcomeForm token={token} onDone={() => void navigate({ to: '/admin', replace: true })} />
    </Narrow>
  );
}
