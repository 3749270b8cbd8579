import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ResetForm } from '../../features/accounts/ResetForm.tsx';
import { useFragmentToken } from '../../lib/fragment-token.ts';
import { useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';
import { Notice } from '../../ui/Notice.tsx';

/** Where the link in the mail ends: a new password, or the way to another link. */
export function ResetPasswordPage() {
  const token = useFragmentToken();
  return <Reset key={token} token={token} />;
}

function Reset({ token }: { token: string }) {
  const seller = useSeller();
  const [state, setState] = useState<'asking' | 'done' | 'useless'>(token === '' ? 'useless' : 'asking');
  const brand = seller?.name ?? '';
  if (state === 'done') {
    return (
      <Narrow brand={brand} title="Your password is set">
        <Notice tone="good">You are signed out everywhere. Sign in with the new password.</Notice>
        <Button component={Link} to="/sign-in" size="md" ref={focus}>
          Sign in
        </Button>
      </Narrow>
    );
  }
  if (state === 'useless') {
    return (
      <Narrow brand={brand} title="This link does not work">
        <Notice tone="bad">It was used before, it is older than an hour, or a part of it is missing.</Notice>
        <Button component={Link} to="/forgot-password" size="md" ref={focus}>
          Send a new link
        </Button>
      </Narrow>
    );
  }
  return (
    <Narrow
      brand={brand}
      title="Set a new password"
      lead="Afterwards you are signed out everywhere."
      foot={
        <>
          Remembered the old one? <Link to="/sign-in">Sign in</Link>
        </>
      }
    >
      <ResetForm token={token} onDone={() => setState('done')} onUseless={() => setState('useless')} />
    </Narrow>
  );
}

/** The form the focus was in is gone: it goes on to the way out. `autoFocus` does nothing for a link. */
function focus(link: HTMLAnchorElement | null): void {
  link?.focus();
}
