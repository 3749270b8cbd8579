const SCHEME = 'sandbox:/';
/** The fields that hold an address, as the text has them. A quote inside of a string is escaped, so it is never one of these. */
const addresses = /"(url|hosted_invoice_url|invoice_pdf|pdf|receipt_url)": "sandbox:\//g;

/**
 * Writes JSON as Stripe does, indented. Addresses of the sandbox's own pages are kept without an origin and get the
 * one it is reached at now, so that a journal can be opened on another port.
 */
export function serialize(value: object, origin: string): string {
  const text = JSON.stringify(value, null, 2);
  // A replacer would be called at every field of every answer, and few answers hold an address.
  return text.includes(SCHEME) ? text.replaceAll(addresses, (_, field) => `"${field}": "${escaped(origin)}/`) : text;
}

function escaped(origin: string): string {
  return JSON.stringify(origin).slice(1, -1);
}
