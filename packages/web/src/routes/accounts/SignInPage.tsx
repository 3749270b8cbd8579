import { Link, useRouter, useSearch } from '@tanstack/react-router';
import { SignInForm } from '../../features/accounts/SignInForm.tsx';
import { nextPath } from '../../lib/next-path.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me } from '../../lib/wire.ts';
import { Narrow } from '../../ui/Narrow.tsx';

export function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' });
  const router = useRouter();
  const seller = useSeller();

  function goOn(me: Me | null): void {
    const home = me?.operator && !me.customer ? '/admin' : '/dashboard';
    router.history.push(nextPath(next) ?? home);
  }

  return (
    <Narrow
      brand={seller?.name ?? ''}
      title="Sign in"
      lead={seller ? `to ${seller.name}` : ' '}
      foot={
        <>
          New here? <Link to="/sign-up">Create an account</Link>
        </>
      }
    >
      <SignInForm onDone={goOn} />
      <Link to="/forgot-password" style={{ justifySelf: 'center' }}>
        Forgot your password?
      </Link>
    </Narrow>
  );
}
