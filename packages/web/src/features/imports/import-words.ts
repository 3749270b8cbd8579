import { formatCount } from '../../lib/format.ts';
import type { ImportCounts, StripeImport } from '../../lib/wire-imports.ts';

/** `12 made, 1 linked, 3 known, 2 skipped`; what is nothing is left out. */
export function countWords({ made, linked, known, skipped }: ImportCounts, isDry: boolean): string {
  const parts: [number, string][] = [
    [made, isDry ? 'would be made' : 'made'],
    [linked, isDry ? 'would be linked' : 'linked'],
    [known, 'known'],
    [skipped, 'skipped'],
  ];
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${formatCount(count)} ${word}`);
  return said.length === 0 ? 'None' : said.join(', ');
}

/** How many customers and subscriptions were not taken over. */
export function skippedOf({ customers, subscriptions }: Pick<StripeImport, 'customers' | 'subscriptions'>): number {
  return customers.skipped + subscriptions.skipped;
}
