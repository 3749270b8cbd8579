import { Button } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useEnterPortal } from '../../features/accounts/api.ts';
import { HttpFault } from '../../lib/http.ts';
import { useFragmentToken } from '../../lib/fragment-token.ts';
import { useSeller } from '../../lib/session.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Narrow } from '../../ui/Narrow.tsx';
import { Notice } from '../../ui/Notice.tsx';

/** Where the seller's link to the dashboard ends: it lets in once, or says how to get another. */
export function PortalPage() {
  const token = useFragmentToken();
  return <Enter key={token} token={token} />;
}

function Enter({ token }: { token: string }) {
  const seller = useSeller();
  const navigate = useNavigate();
  const { mutate, error } = useEnterPortal();
  const brand = seller?.name ?? '';
  const enter = () => mutate(token, { onSuccess: () => void navigate({ to: '/dashboard', replace: true }) });
  // A link is good once: an effect that runs again must not ask again.
  const hasAsked = useRef(false);
  useEffect(() => {
    if (token === '' || hasAsked.current) return;
    hasAsked.current = true;
    enter();
  });

  const useless = token === '' || (error instanceof HttpFault && error.code === 'portal_link_invalid');
  if (useless) {
    return (
      <Narrow brand={brand} title="This link does not work">
        <Notice tone="bad">
          It was used before, it is older than ten minutes, or a part of it is missing. Go back to where you got it and
          open it again from there.
        </Notice>
        <Button component="a" href="/dashboard" variant="default" size="md">
          I have an account here
        </Button>
      </Narrow>
    );
  }
  return (
    <Narrow brand={brand} title={error ? 'Your dashboard did not open' : 'Opening your dashboard…'}>
      {error ? <Fault what="Your dashboard" error={error} retry={enter} /> : null}
    </Narrow>
  );
}
