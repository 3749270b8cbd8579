import { header } from '@farebox/core';
import type { FindSecretKey } from '../http/authenticate.ts';
import type { PlainAnswer, PlainCall, PlainCalls } from '../http/plain-server.ts';
import { createRequestId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { readEvents } from './events/asked.ts';
import { viewOfIngested } from './events/schema.ts';
import type { Usage } from './service.ts';

const secretKey = /^bearer +(fbx_sk_[^\s,]+)$/i;
/** Whose balances are told; more customers than that in one request are told by themselves. */
const mostBalances = 100;

type Ingesting = Pick<Usage, 'ingest' | 'balancesOf'>;

/** What became of events, with the balances of those whose they are. */
export async function ingested(usage: Ingesting, events: readonly unknown[]) {
  const results = await usage.ingest(events);
  const customers = new Set(results.flatMap((result) => (result.status === 'rejected' ? [] : [result.customer_id])));
  return viewOfIngested(results, await usage.balancesOf([...customers].slice(0, mostBalances)));
}

/**
 * Events for the server that reads plain requests: who sends them one by one sends many. Whatever is wrong with a request, or
 * with the program, is left to the route, which says it; what was written by then it finds as duplicates.
 */
export function createUsageCalls(deps: { usage: Ingesting; clock: Clock; findSecretKey: FindSecretKey }): PlainCalls {
  const send: PlainCall = ({ authorization, content_type, query, body }) => {
    const secret = secretKey.exec(authorization ?? '')?.[1];
    if (secret === undefined || query !== '') return null;
    const events = read(content_type, body);
    if (events === null) return null;
    const caller = deps.findSecretKey(secret);
    return caller instanceof Promise
      ? caller.then((found) => (found === null ? null : answer(events)))
      : caller === null
        ? null
        : answer(events);
  };

  async function answer(events: readonly unknown[]): Promise<PlainAnswer> {
    const body = JSON.stringify(await ingested(deps.usage, events));
    const headers = { 'content-type': 'application/json', [header.requestId]: createRequestId(deps.clock.now()) };
    return { status: 200, headers, body };
  }

  return new Map([['POST /v1/usage/events', send]]);
}

function read(content_type: string | undefined, body: string): unknown[] | null {
  try {
    return readEvents(content_type, body);
  } catch {
    return null;
  }
}
