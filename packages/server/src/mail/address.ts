import type { Mail } from '../ports.ts';

/** What could end a header or a line, or turn the reading direction of what follows. */
const unsafe = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

/** One address, no display name, no list: what stands in an envelope. */
const plainAddress = /^[^\s@<>()[\]\\,;:"]+@[^\s@<>()[\]\\,;:"]+$/;

/**
 * Throws on a mail whose header fields could become something else (nodemailer GHSA-c7w3-x93f-qmm8, GHSA-vvjj-xcjg-gr5g):
 * a control character anywhere in them, or a recipient that is not exactly one address.
 */
export function refuseUnsafeMail(mail: Mail): void {
  for (const field of ['id', 'from', 'to', 'subject'] as const) {
    if (unsafe.test(mail[field])) throw new Error(`The mail's ${field} has a control character.`);
  }
  if (!plainAddress.test(mail.to)) throw new Error("The mail's recipient is not one plain address.");
}

/** The domain of a sender, with or without a name in front. */
export function domainOf(from: string): string {
  return /@([^\s@<>]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
}
