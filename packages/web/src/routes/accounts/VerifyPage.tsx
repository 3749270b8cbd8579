import { Button } from '@mantine/core';
import { useSearch } from '@tanstack/react-router';
import { VerifyNotice } from '../../features/accounts/VerifyNotice.tsx';
import { useMe, useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';
import { Notice } from '../../ui/Notice.tsx';

/** Where the link in the verification mail ends, with `?error=` when it was no good. */
export function VerifyPage() {
  const { error } = useSearch({ from: '/verify' });
  const seller = useSeller();
  const me = useMe().data;
  const failed = error !== undefined;
  return (
    <Narrow brand={seller?.name ?? ''} title={failed ? 'This link does not work' : 'Email confirmed'}>
      {failed ? (
        <Notice tone="bad">It was used before, or it is too old. A new one is sent in a moment.</Notice>
      ) : (
        <Notice tone="good">Thank you. Receipts and notices will reach you.</Notice>
      )}
      {failed && me && !me.user.email_verified ? (
        <VerifyNotice email={me.user.email} inbox_url={seller?.inbox_url ?? null} />
      ) : null}
      <Button component="a" href={me ? '/dashboard' : '/sign-in'} size="md" variant={failed ? 'default' : 'filled'}>
        {me ? 'Open the dashboard' : 'Sign in'}
      </Button>
    </Narrow>
  );
}
