import { Hono } from 'hono';
import type { Database } from '../db/database.ts';
import type { AppEnv } from '../http/principal.ts';
import { inboxPage, mailPage, missingPage } from './pages.ts';
import { findInboxMail, listInbox } from './store.ts';

/** The development inbox: what would have been sent. Mounted only while mails go there. */
export function createInboxRoutes({ db }: { db: Database }): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/_inbox', async (c) => c.html(inboxPage(await listInbox(db.kysely, 100))));
  app.get('/_inbox/:id', async (c) => {
    const mail = await findInboxMail(db.kysely, c.req.param('id'));
    if (mail === null) return c.html(missingPage(), 404);
    return c.html(mailPage(mail, c.req.query('view') === 'text' ? 'text' : 'html'));
  });
  return app;
}
