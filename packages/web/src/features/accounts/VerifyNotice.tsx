import { Button } from '@mantine/core';
import { faultText } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useResendVerification } from './api.ts';

/** Asks to confirm the address; `inbox_url` is the development inbox, where the mail really is. */
export function VerifyNotice({ email, inbox_url }: { email: string; inbox_url: string | null }) {
  const resend = useResendVerification();
  return (
    <Notice
      tone={resend.isError ? 'bad' : 'warn'}
      actions={
        <>
          {inbox_url ? (
            <Button component="a" href={inbox_url} target="_blank" variant="default" size="xs">
              Open the inbox
            </Button>
          ) : null}
          <Button
            variant="default"
            size="xs"
            loading={resend.isPending}
            disabled={resend.isSuccess}
            onClick={() => resend.mutate(email)}
          >
            {resend.isSuccess ? 'Sent' : 'Send again'}
          </Button>
        </>
      }
    >
      {resend.isError ? faultText(resend.error) : `Please confirm your email: we sent a link to ${email}.`}
    </Notice>
  );
}
