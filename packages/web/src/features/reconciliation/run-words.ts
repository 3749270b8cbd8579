import { formatCount } from '../../lib/format.ts';
import type { Divergence, ReconciliationRun } from '../../lib/wire-state.ts';
import type { Tone } from '../../ui/Status.tsx';

/** What became of one run, in a few words. */
export function runWords({ checked, found }: Pick<ReconciliationRun, 'checked' | 'found'>): {
  tone: Tone;
  label: string;
  sentence: string;
} {
  const looked = `${formatCount(checked)} ${checked === 1 ? 'object' : 'objects'} of Stripe compared`;
  if (found.length === 0) return { tone: 'good', label: 'All agrees', sentence: `${looked}: nothing differs.` };
  const open = found.filter(({ repaired }) => !repaired).length;
  const repaired = found.length - open;
  const parts = [
    ...(repaired === 0 ? [] : [`${formatCount(repaired)} put right`]),
    ...(open === 0 ? [] : [`${formatCount(open)} for you to decide`]),
  ];
  return {
    tone: open === 0 ? 'brand' : 'warn',
    label: open === 0 ? 'Put right' : 'To decide',
    sentence: `${looked}: ${parts.join(', ')}.`,
  };
}

/** `missing_customer` → `Missing customer` */
export function kindWords({ kind }: Pick<Divergence, 'kind'>): string {
  const words = kind.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
