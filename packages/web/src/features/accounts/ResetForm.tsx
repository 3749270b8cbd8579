import { useResetPassword } from './api.ts';
import { Form, PasswordField } from './Form.tsx';
import { isFault } from '../../lib/http.ts';

interface ResetFormProps {
  token: string;
  onDone: () => void;
  /** The link was used, or is too old. */
  onUseless: () => void;
}

export function ResetForm({ token, onDone, onUseless }: ResetFormProps) {
  const reset = useResetPassword();
  const failed = (error: unknown) => {
    if (isFault(error, 'reset_link_invalid')) onUseless();
  };
  return (
    <Form
      submit="Set the password"
      busy={reset.isPending}
      error={reset.error}
      onSubmit={({ password = '' }) => reset.mutate({ token, password }, { onSuccess: onDone, onError: failed })}
    >
      <PasswordField fresh label="New password" />
    </Form>
  );
}
