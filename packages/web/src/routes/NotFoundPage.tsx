import { Button } from '@mantine/core';
import { useSeller } from '../lib/session.ts';
import { Narrow } from '../ui/Narrow.tsx';

export function NotFoundPage() {
  const seller = useSeller();
  return (
    <Narrow brand={seller?.name ?? ''} title="There is no such page" lead="The address may have a typing mistake.">
      <Button component="a" href="/dashboard" size="md">
        Open the dashboard
      </Button>
    </Narrow>
  );
}
