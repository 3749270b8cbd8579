import { PasswordInput } from '@mantine/core';
import { useFirstRun } from './api.ts';
import { EmailField, Form, NameField, PasswordField } from './Form.tsx';

/** The first start prints a link with a token; it came in the address, or is pasted. */
export function WelcomeForm({ token, onDone }: { token: string; onDone: () => void }) {
  const firstRun = useFirstRun();
  return (
    <Form
      submit="Create operator"
      busy={firstRun.isPending}
      error={firstRun.error}
      onSubmit={({ token: typed = '', name = '', email = '', password = '' }) =>
        firstRun.mutate({ token: token === '' ? typed.trim() : token, name, email, password }, { onSuccess: onDone })
      }
    >
      {token === '' ? (
        <PasswordInput
          name="token"
          label="First-run token"
          description="The server printed it when it started"
          autoComplete="off"
          required
          withAsterisk={false}
        />
      ) : null}
      <NameField label="Your name" />
      <EmailField />
      <PasswordField fresh />
    </Form>
  );
}
