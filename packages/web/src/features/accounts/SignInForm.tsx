import type { Me } from '../../lib/wire.ts';
import { useSignIn } from './api.ts';
import { EmailField, Form, PasswordField } from './Form.tsx';

export function SignInForm({ onDone }: { onDone: (me: Me | null) => void }) {
  const signIn = useSignIn();
  return (
    <Form
      submit="Sign in"
      busy={signIn.isPending}
      error={signIn.error}
      onSubmit={({ email = '', password = '' }) => signIn.mutate({ email, password }, { onSuccess: onDone })}
    >
      <EmailField />
      <PasswordField />
    </Form>
  );
}
