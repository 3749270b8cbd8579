const SCHEME = 'sandbox:/';
const address_fields: ReadonlySet<string> = new Set(['url', 'hosted_invoice_url', 'invoice_pdf', 'pdf', 'receipt_url']);

/**
 * Writes JSON as Stripe does, indented. Addresses of the sandbox's own pages are kept without an origin and get the
 * one it is reached at now, so that a journal can be opened on another port.
 */
export function serialize(value: object, origin: string): string {
  return JSON.stringify(
    value,
    (key, each: unknown) =>
      typeof each === 'string' && address_fields.has(key) && each.startsWith(SCHEME)
        ? `${origin}/${each.slice(SCHEME.length)}`
        : each,
    2,
  );
}
