import { Button } from '@mantine/core';
import { Narrow } from '../ui/Narrow.tsx';
import { Notice } from '../ui/Notice.tsx';

/** What stands where a page could not be drawn, for instance after an update took its files away. */
export function CrashPage({ error }: { error: unknown }) {
  return (
    <Narrow brand="" title="This page stopped working">
      <Notice tone="bad">{error instanceof Error ? error.message : 'Something unexpected happened.'}</Notice>
      <Button size="md" onClick={() => location.reload()}>
        Load it again
      </Button>
    </Narrow>
  );
}
