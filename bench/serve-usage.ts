import exampleList from '../farebox.config.ts';
import { openDatabase } from '../packages/server/src/db/database.ts';
import { planOf } from '../packages/server/test/subscribers.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { reportTo } from './served.ts';
import { manySubscribers } from './subscribed.ts';

/** The whole program on the database it is given, with many subscribers whose usage it takes. */
const [url = '', count = '1000'] = process.argv.slice(2);
const db = openDatabase({ url, max: 8 });
const farebox = await startWholeApp({ db: { ...db, url }, list: exampleList });
const now = () => farebox.sandbox.clock.now();
const customers = await manySubscribers(db, { plan: planOf({ id: 'bench' }), count: Number(count), now });
process.once(
  'SIGTERM',
  () =>
    void farebox
      .close()
      .then(() => db.close())
      .then(() => process.exit(0)),
);
reportTo({ port: Number(new URL(farebox.url).port), secret_key: farebox.secret_key });
process.send?.({ customers });
