import { useSignUp } from './api.ts';
import { EmailField, Form, NameField, PasswordField } from './Form.tsx';

interface SignUpFormProps {
  submit: string;
  /** Goes on after the account exists: `signedIn` is false when the address has to be verified first. */
  onDone: (signedIn: boolean, email: string) => void;
}

export function SignUpForm({ submit, onDone }: SignUpFormProps) {
  const signUp = useSignUp();
  return (
    <Form
      submit={submit}
      busy={signUp.isPending}
      error={signUp.error}
      onSubmit={({ name = '', email = '', password = '' }) =>
        signUp.mutate({ name, email, password }, { onSuccess: (signedIn) => onDone(signedIn, email) })
      }
    >
      <NameField />
      <EmailField />
      <PasswordField fresh />
    </Form>
  );
}
