import { Button } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { copyText } from './copy-text.ts';

interface CopyButtonProps {
  text: string;
  label?: string;
  variant?: 'filled' | 'default';
}

/** Says what happened on the button itself; a browser that refuses the clipboard is told so. */
export function CopyButton({ text, label = 'Copy', variant = 'default' }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), 2500);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function copy(): Promise<void> {
    setOutcome((await copyText(text)) ? 'copied' : 'refused');
  }

  const words = { copied: 'Copied', refused: 'Select and copy by hand' };
  return (
    <Button
      variant={variant}
      size="sm"
      leftSection={outcome === 'copied' ? <IconCheck size={16} /> : <IconCopy size={16} />}
      onClick={() => void copy()}
      aria-live="polite"
    >
      {outcome === null ? label : words[outcome]}
    </Button>
  );
}
