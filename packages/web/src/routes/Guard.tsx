import { Button } from '@mantine/core';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { useEffect, type ReactNode } from 'react';
import { useMe, useSeller, useSignOut } from '../lib/session.ts';
import type { Me } from '../lib/wire.ts';
import { Fault } from '../ui/Fault.tsx';
import { Narrow } from '../ui/Narrow.tsx';
import { Notice } from '../ui/Notice.tsx';

interface GuardProps {
  allow: (me: Me) => boolean;
  children: (me: Me) => ReactNode;
}

/** Shows a page to whom it is for. The server refuses everybody else anyway: this only says so in words. */
export function Guard({ allow, children }: GuardProps) {
  const me = useMe();
  const seller = useSeller();
  if (me.isError && !me.data) {
    return (
      <Narrow brand={seller?.name ?? ''} title="The server does not answer">
        <Fault what="Your account" error={me.error} retry={me.refetch} />
      </Narrow>
    );
  }
  if (me.data === undefined) return null;
  if (me.data === null) return <ToSignIn />;
  return allow(me.data) ? children(me.data) : <NotForYou me={me.data} />;
}

/** Goes to the sign-in page, once, remembering the page that was asked for as it is now: it changes while going. */
function ToSignIn() {
  const navigate = useNavigate();
  const router = useRouter();
  useEffect(() => {
    void navigate({ to: '/sign-in', search: { next: router.history.location.href }, replace: true });
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once, whatever changes
  }, []);
  return null;
}

function NotForYou({ me }: { me: Me }) {
  const seller = useSeller();
  const signOut = useSignOut();
  const other = me.operator ? '/admin' : me.customer ? '/dashboard' : null;
  return (
    <Narrow brand={seller?.name ?? ''} title="This page is not for this account">
      <Notice tone="warn">You are signed in as {me.user.email}, who has no access here.</Notice>
      {other ? (
        <Button component="a" href={other}>
          {me.operator ? 'Open the operator pages' : 'Open the dashboard'}
        </Button>
      ) : null}
      <Button variant="default" onClick={() => void signOut()}>
        Sign out
      </Button>
    </Narrow>
  );
}
