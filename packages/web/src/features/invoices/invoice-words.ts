import type { Tone } from '../../ui/Status.tsx';

const known: Record<string, { tone: Tone; label: string }> = {
  draft: { tone: 'neutral', label: 'Draft' },
  open: { tone: 'warn', label: 'Open' },
  paid: { tone: 'good', label: 'Paid' },
  uncollectible: { tone: 'bad', label: 'Not paid' },
  void: { tone: 'neutral', label: 'Void' },
};

/** Stripe's state of an invoice for people; one it adds later is shown by its own name. */
export function invoiceStatus(status: string): { tone: Tone; label: string } {
  return known[status] ?? { tone: 'neutral', label: status };
}
