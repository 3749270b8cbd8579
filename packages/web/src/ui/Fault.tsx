import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { faultText, HttpFault } from '../lib/http.ts';
import { Notice } from './Notice.tsx';

/** What stands where something could not be loaded. */
export function Fault({ error, retry, what }: { error: unknown; retry?: () => unknown; what: string }) {
  const reference = error instanceof HttpFault ? error.request_id : undefined;
  return (
    <Notice
      tone="bad"
      title={`${what} could not be loaded.`}
      actions={
        retry ? (
          <Button variant="default" size="xs" leftSection={<IconRefresh size={14} />} onClick={() => void retry()}>
            Try again
          </Button>
        ) : null
      }
    >
      {faultText(error)}
      {reference ? ` (${reference})` : ''}
    </Notice>
  );
}
