import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { createHome } from './home.ts';
import type { AppEnv } from './principal.ts';

const app = new Hono<AppEnv>().use(createHome('http://localhost:4000')).get('*', (c) => c.text('here'));
const page = { headers: { accept: 'text/html,*/*' } };

test('a page under another loopback name leads to the one whose cookies count, path and query kept', async () => {
  const answer = await app.request('http://127.0.0.1:4000/dashboard?plan=pro', page);
  expect(answer.status).toBe(302);
  expect(answer.headers.get('location')).toBe('http://localhost:4000/dashboard?plan=pro');
});

test('the path cannot lead to another host', async () => {
  const answer = await app.request('http://127.0.0.1:4000//evil.example/x', page);
  expect(new URL(answer.headers.get('location') ?? '').host).toBe('localhost:4000');
});

test('the right name, a program without pages, and any other host are left alone', async () => {
  expect((await app.request('http://localhost:4000/', page)).status).toBe(200);
  expect((await app.request('http://127.0.0.1:4000/v1/plans')).status).toBe(200);
  expect((await app.request('http://billing.example.com/', page)).status).toBe(200);
});
