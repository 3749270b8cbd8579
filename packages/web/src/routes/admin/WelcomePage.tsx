import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { WelcomeForm } from '../../features/accounts/WelcomeForm.tsx';
import { useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';

/**
 * The first run: makes the first operator. The token stands in the fragment (`#token=…` or `#…`), which browsers send to
 * no server and no log, and is taken out of the address at once.
 */
export function WelcomePage() {
  const [token] = useState(readToken);
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

function readToken(): string {
  const fragment = location.hash.slice(1);
  if (fragment === '') return '';
  history.replaceState(history.state, '', location.pathname);
  return fragment.includes('=') ? (new URLSearchParams(fragment).get('token') ?? '') : fragment;
}
