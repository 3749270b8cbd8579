import rateLimit from '@fastify/rate-limit';
import { fastify } from 'fastify';
import { Redis } from 'ioredis';
import { forecast, keyOf, told } from './report.js';

/** One window per key in Redis: no key is looked up, nothing else is counted. */
const app = fastify();
await app.register(rateLimit, {
  max: 1e9,
  timeWindow: 60_000,
  redis: new Redis(told.redis_url, { enableAutoPipelining: true }),
  keyGenerator: (request) => keyOf(request.headers),
});
app.get('/v1/forecast', () => forecast);
await app.listen({ port: 0, host: '127.0.0.1' });
process.send?.({ port: app.server.address().port, secret_key: '' });
