import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Clock, Mailer } from '../ports.ts';
import { refuseUnsafeMail } from './address.ts';

/** Most mails the inbox keeps; the oldest go first. */
const kept = 500;

/** Delivers to the development inbox, a table. A repeated send of the same mail shows once. */
export function createInboxMailer({ db, clock }: { db: Database; clock: Clock }): Mailer {
  return {
    async send(mail) {
      refuseUnsafeMail(mail);
      const row = {
        id: `mail_${mail.id}`,
        sender: mail.from,
        recipient: mail.to,
        subject: mail.subject,
        html: mail.html,
        text: mail.text,
        received_at: new Date(clock.now()),
      };
      await db.kysely
        .insertInto('inbox_mail')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      await sql`
        delete from inbox_mail where id in (select id from inbox_mail order by received_at desc, id desc offset ${kept})
      `.execute(db.kysely);
    },
  };
}
