/** Control characters, line and paragraph separators, and marks that turn the direction of what follows. */
const unsafe = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

/**
 * Throws when any text of a mail's data could break out of its line (a header, a line of the text version) or when an
 * address is not a web address.
 */
export function refuseUnsafe(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (unsafe.test(value)) throw new Error(`${path} has a control character`);
    if (path.endsWith('_url') || path.endsWith('.url')) refuseOtherSchemes(value, path);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) refuseUnsafe(field, `${path}.${name}`);
  }
}

function refuseOtherSchemes(text: string, path: string): void {
  const protocol = URL.canParse(text) ? new URL(text).protocol : null;
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`${path} is not a web address`);
}
