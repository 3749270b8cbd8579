import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import express from 'express';
import { Redis } from 'ioredis';
import pg from 'pg';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { forecast, keyOf, listen, told } from './report.js';

/**
 * What is written in a week: a table of keys in PostgreSQL, a window and a month's quota in Redis. No second window, no scopes, no
 * price, no usage that is kept.
 */
const db = new pg.Pool({ connectionString: told.database_url, max: 20 });
const client = new Redis(told.redis_url, { enableAutoPipelining: true });
const minute = new RateLimiterRedis({ storeClient: client, keyPrefix: 'minute', points: 1e9, duration: 60 });
const month = new RateLimiterRedis({ storeClient: client, keyPrefix: 'month', points: 1e9, duration: 2_592_000 });
const digestOf = (key) => createHash('sha256').update(key).digest('hex');

const keys = Array.from({ length: told.keys }, () => `hand_${randomBytes(20).toString('hex')}`);
await db.query('create table api_key (hash text primary key, account_id text not null, disabled boolean not null)');
await db.query(
  `insert into api_key select hash, 'acct_' || (n / 10), false from unnest($1::text[]) with ordinality as k (hash, n)`,
  [keys.map(digestOf)],
);
await db.query('analyze api_key');
writeFileSync(told.file, keys.join('\n'));

const app = express();
app.use(async (request, response, next) => {
  const { rows } = await db.query({
    name: 'key',
    text: 'select account_id, disabled from api_key where hash = $1',
    values: [digestOf(keyOf(request.headers))],
  });
  const [row] = rows;
  if (row === undefined || row.disabled) return void response.status(401).end();
  try {
    const [left] = await Promise.all([minute.consume(row.account_id), month.consume(row.account_id)]);
    response.set('RateLimit', `"minute";r=${left.remainingPoints};t=${Math.ceil(left.msBeforeNext / 1000)}`);
  } catch (error) {
    if (error instanceof Error) throw error;
    return void response.status(429).end();
  }
  next();
});
app.get('/v1/forecast', (_request, response) => void response.json(forecast));
listen(createServer(app));
