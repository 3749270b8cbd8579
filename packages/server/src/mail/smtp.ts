import { createTransport } from 'nodemailer';
import type { Mailer } from '../ports.ts';
import { domainOf, refuseUnsafeMail } from './address.ts';

/** The server is asked for an answer within these times; a mail that failed is sent again by its job. */
const timeouts = {
  dnsTimeout: 10_000,
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 30_000,
};

/** Sends through an SMTP server: `smtp://user:password@host:587` (STARTTLS when offered) or `smtps://…` (TLS from the start). */
export function createSmtpMailer({ url }: { url: string }): Mailer {
  const transport = createTransport({ url, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
  return {
    async send(mail) {
      refuseUnsafeMail(mail);
      await transport.sendMail({
        // RFC 5322: an id of the sender's domain; the same for every try, so that a second delivery can be recognised.
        messageId: `<${mail.id}@${domainOf(mail.from)}>`,
        from: mail.from,
        to: { name: '', address: mail.to },
        subject: mail.subject,
        html: mail.html,
        text: mail.text,
        headers: { 'Auto-Submitted': 'auto-generated' }, // RFC 3834: no out-of-office answers, please
      });
    },
  };
}
