import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { apiKey, defaultKeyHasher } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import pg from 'pg';
import { forecast, keyOf, listen, told } from './report.js';

/** The api-key plugin as its documentation shows it: keys with a rate limit and what remains, in PostgreSQL. */
const db = new pg.Pool({ connectionString: told.database_url, max: 20 });
const auth = betterAuth({
  database: db,
  secret: randomBytes(32).toString('hex'),
  baseURL: 'http://127.0.0.1',
  telemetry: { enabled: false },
  logger: { disabled: true },
  emailAndPassword: { enabled: true },
  plugins: [apiKey({ rateLimit: { enabled: true, timeWindow: 60_000, maxRequests: 1e9 } })],
});
await (await getMigrations(auth.options)).runMigrations();

// One key as the plugin makes it, and its row for all the others.
const names = '"id", "name", "email", "emailVerified", "createdAt", "updatedAt"';
await db.query(`insert into "user" (${names}) values ('user', 'Ada', 'ada@example.com', true, now(), now())`);
await auth.api.createApiKey({ body: { userId: 'user', remaining: 1e9 } });
const keys = Array.from({ length: told.keys }, () => randomBytes(32).toString('hex'));
const hashes = await Promise.all(keys.map((key) => defaultKeyHasher(key)));
const { rows: columns } = await db.query(
  `select string_agg(format('%I', column_name), ', ') as names from information_schema.columns
   where table_name = 'apikey' and column_name not in ('id', 'key')`,
);
const rest = columns[0].names;
await db.query(
  `insert into apikey (id, key, ${rest}) select 'key' || n, hash, ${rest} from apikey, unnest($1::text[]) with ordinality as k (hash, n)`,
  [hashes],
);
await db.query('analyze apikey');
writeFileSync(told.file, keys.join('\n'));

const text = JSON.stringify(forecast);
listen(
  createServer((request, response) => {
    auth.api.verifyApiKey({ body: { key: keyOf(request.headers) } }).then(
      ({ valid }) => {
        response.writeHead(valid ? 200 : 401, { 'content-type': 'application/json', 'content-length': text.length });
        response.end(text);
      },
      () => response.writeHead(500, { 'content-length': 0 }).end(),
    );
  }),
);
