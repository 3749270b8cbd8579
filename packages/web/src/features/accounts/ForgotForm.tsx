import { Button } from '@mantine/core';
import { Notice } from '../../ui/Notice.tsx';
import { useRequestReset } from './api.ts';
import { EmailField, Form } from './Form.tsx';

/** Says the same for every address; `inbox_url` is the development inbox, where the mail really is. */
export function ForgotForm({ inbox_url }: { inbox_url: string | null }) {
  const request = useRequestReset();
  return (
    <>
      {request.isSuccess ? (
        <Notice
          tone="good"
          title="Look into your inbox"
          actions={
            inbox_url ? (
              <Button component="a" href={inbox_url} target="_blank" variant="default" size="xs">
                Open the inbox
              </Button>
            ) : null
          }
        >
          If there is an account with {request.variables}, a mail is on its way. Its link works once, for an hour.
        </Notice>
      ) : null}
      <Form
        submit={request.isSuccess ? 'Send again' : 'Send the link'}
        busy={request.isPending}
        error={request.error}
        onSubmit={({ email = '' }) => request.mutate(email)}
      >
        <EmailField />
      </Form>
    </>
  );
}
