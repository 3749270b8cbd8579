import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { type Farebox, createFarebox } from '@farebox/sdk';
import { gate as expressGate } from '@farebox/sdk/express';
import { gate as fastifyGate } from '@farebox/sdk/fastify';
import { gate as honoGate } from '@farebox/sdk/hono';
import { protect } from '@farebox/sdk/node';
import express from 'express';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import { forecast } from './forecast.ts';
import { reportTo } from './served.ts';

/** The seller's API on a framework, with Farebox's middleware or nothing before its one route. */
export type Framework = 'node:http' | 'Express' | 'Fastify' | 'Hono';
export interface ApiTold {
  framework: Framework;
  farebox: { url: string; secret_key: string; mode: 'remote' | 'local' } | null;
}

const told: ApiTold = JSON.parse(process.argv[2] ?? '');
const farebox = told.farebox === null ? null : createFarebox(told.farebox);
const options = { scope: 'forecast:read', endpoint: '/v1/forecast' };
const text = JSON.stringify(forecast);

const starts: Record<Framework, (farebox: Farebox | null) => Promise<number>> = {
  async 'node:http'(gated) {
    const handler: Parameters<typeof protect>[1] = (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('content-length', text.length);
      response.end(text);
    };
    const server =
      gated === null
        ? createServer((_request, response) => {
            response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
            response.end(text);
          })
        : createServer((request, response) => void protected_(request, response));
    const protected_ = gated === null ? () => Promise.resolve() : protect(gated, handler, options);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return portOf(server.address());
  },
  async Express(gated) {
    const app = express();
    if (gated !== null) app.use(expressGate(gated, options));
    app.get('/v1/forecast', (_request, response) => void response.json(forecast));
    return await new Promise((resolve) => {
      const server = app.listen(0, '127.0.0.1', () => resolve(portOf(server.address())));
    });
  },
  async Fastify(gated) {
    const app = fastify();
    if (gated !== null) app.addHook('onRequest', fastifyGate(gated, options));
    app.get('/v1/forecast', () => forecast);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return portOf(app.server.address());
  },
  async Hono(gated) {
    const app = new Hono();
    if (gated !== null) app.use(honoGate(gated, options));
    app.get('/v1/forecast', (c) => c.json(forecast));
    const server = createAdaptorServer({ fetch: app.fetch });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return portOf(server.address());
  },
};

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('a server that listens on a port has one');
  return address.port;
}

while (told.farebox?.mode === 'local' && farebox?.local()?.current !== true) await wait(20);
reportTo({ port: await starts[told.framework](farebox), secret_key: '' });
process.once('SIGTERM', () => {
  void Promise.resolve(farebox?.close()).finally(() => process.exit(0));
});
