import { Link } from '@tanstack/react-router';
import { ForgotForm } from '../../features/accounts/ForgotForm.tsx';
import { useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';

export function ForgotPasswordPage() {
  const seller = useSeller();
  return (
    <Narrow
      brand={seller?.name ?? ''}
      title="Forgot your password?"
      lead="We send you a link to set a new one."
      foot={
        <>
          Remembered it? <Link to="/sign-in">Sign in</Link>
        </>
      }
    >
      <ForgotForm inbox_url={seller?.inbox_url ?? null} />
    </Narrow>
  );
}
