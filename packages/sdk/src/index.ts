import type { Verification } from '@farebox/core';
import { type Connection, type InputOf, type ItemOf, type ListOperation, callApi, callPage } from './lib/api.ts';
import { report } from './lib/check.ts';
import { FareboxUnavailable } from './lib/errors.ts';
import { type LocalState, createLocal } from './lib/local/local.ts';
import { aboutNobody } from './lib/nobody.ts';
import { type Decision, type VerifyInput, callVerify } from './lib/verify.ts';
import type { Operations } from './operations.ts';

export type { Verification } from '@farebox/core';
export { verificationOf } from './lib/admitted.ts';
export type { CallOptions } from './lib/api.ts';
export type { LocalState } from './lib/local/local.ts';
export type { Decision, VerifyInput } from './lib/verify.ts';
export type { Operations, Schemas } from './operations.ts';
export { FareboxError, FareboxUnavailable } from './lib/errors.ts';
export { type WebhookEvent, type WebhookHeaders, WebhookSignatureError, verifyWebhook } from './lib/webhook.ts';

export interface FareboxOptions {
  /** Where Farebox runs: `https://billing.example.com`. */
  url: string;
  /** A secret key of the seller, `fbx_sk_…`. Not a customer's API key. */
  secret_key: string;
  /** How long one decision may take before Farebox counts as away. 2000 if left out. */
  timeout_ms?: number;
  /**
   * What happens to requests while Farebox is away. `refuse` (the default): they are answered with 503. `allow`: they pass
   * unchecked and uncounted, also those with a wrong key or none that is good.
   */
  on_unavailable?: 'refuse' | 'allow';
  /**
   * `remote` (the default): one call per request. `local`: decisions are made in this process, from what Farebox tells over one
   * connection; for a program that keeps running, which ends with `close`.
   */
  mode?: 'remote' | 'local';
  /** Hears, in local mode, of what is wrong in the background: a revoked secret key, usage that is lost. A warning of the process if left out. */
  onError?: (error: unknown) => void;
}

/** The connection of an API to Farebox. Make one and keep it: connections are reused. */
export interface Farebox {
  /**
   * Decides on one request and counts it when it may pass. A refusal is an answer (`valid: false` and a `code`), not an error.
   * Rejects with `FareboxUnavailable` when Farebox is away and `on_unavailable` is `refuse`, and with `FareboxError` when the
   * call itself is wrong, whatever `on_unavailable` says.
   */
  verify(input: VerifyInput): Promise<Verification>;
  /** As `verify`, with the headers for the answer, and at once where it is decided here. For adapters. */
  decide(input: VerifyInput): Decision | Promise<Decision>;
  /** Says that a request which took a place (`lease`) is over. */
  release(lease: string): Promise<void>;
  /**
   * Any operation of the API: `farebox.api('GET /v1/customers/{id}', { path: { id } })`. What can be repeated without being done twice
   * is repeated while Farebox is away. Rejects with `FareboxUnavailable` or `FareboxError`.
   */
  api<K extends keyof Operations>(operation: K, ...input: InputOf<K>): Promise<Operations[K]['answer']>;
  /** All of a list, page by page as it is read: `for await (const customer of farebox.list('GET /v1/customers')) …`. */
  list<K extends ListOperation>(operation: K, ...input: InputOf<K>): AsyncGenerator<ItemOf<K>, void>;
  /** In local mode, how it is doing; null in remote mode. */
  local(): LocalState | null;
  /** In local mode: gives back what was not spent and sends what was used; rejects with `FareboxUnavailable` when it cannot. */
  close(): Promise<void>;
}

const defaultTimeoutMs = 2000;

/** Throws `TypeError` when the address or the secret key cannot be one: at the start, not at the first request. */
export function createFarebox(options: FareboxOptions): Farebox {
  const connection = connectionOf(options);
  const allows = options.on_unavailable === 'allow';
  const remote = (input: VerifyInput) => callVerify(connection, input);
  const local =
    options.mode === 'local' ? createLocal(connection, remote, (error) => report(error, options.onError)) : null;

  function decide(input: VerifyInput): Decision | Promise<Decision> {
    const decision = local === null ? remote(input) : local.decide(input);
    return allows && decision instanceof Promise ? decision.catch(uncheckedWhenAway) : decision;
  }

  async function* list<K extends ListOperation>(
    operation: K,
    ...[input = {}, options = {}]: InputOf<K>
  ): AsyncGenerator<ItemOf<K>, void> {
    const query = 'query' in input ? input.query : {};
    for (let cursor: object | null = {}; cursor !== null;) {
      const page: { data: ItemOf<K>[]; next_cursor: string | null } = await callPage(
        connection,
        operation,
        { ...input, query: { ...query, ...cursor } },
        options,
      );
      yield* page.data;
      cursor = page.next_cursor === null ? null : { starting_after: page.next_cursor };
    }
  }

  return {
    decide,
    api: (operation, ...[input = {}, options = {}]) => callApi(connection, operation, input, options),
    list,
    async release(lease) {
      await callApi(connection, 'POST /v1/gate/leases/{id}/release', { path: { id: lease } }, {});
    },
    local: () => local?.state() ?? null,
    close: async () => await local?.close(),
    async verify(input) {
      return (await decide(input)).verification;
    },
  };
}

function connectionOf({ url, secret_key, timeout_ms = defaultTimeoutMs }: FareboxOptions): Connection {
  const base = URL.canParse(url) ? new URL(url) : null;
  if (base === null || !/^https?:$/.test(base.protocol))
    throw new TypeError(`url must be an http or https address; it is "${url}".`);
  if (!/^fbx_sk_(live|test)_[0-9A-Za-z]+$/.test(secret_key)) {
    throw new TypeError('secret_key must be a secret key of Farebox: fbx_sk_test_… or fbx_sk_live_….');
  }
  if (!(timeout_ms > 0)) throw new TypeError('timeout_ms must be more than 0.');
  return {
    base_url: new URL(base.pathname.replace(/\/+$/, ''), base).href.replace(/\/+$/, ''),
    secret_key,
    timeout_ms,
  };
}

function uncheckedWhenAway(error: unknown): Decision {
  if (error instanceof FareboxUnavailable) return unchecked();
  throw error;
}

/** What a request that passed unchecked looks like: valid, and about nobody. */
function unchecked(): Decision {
  return {
    verification: aboutNobody({
      valid: true,
      code: 'VALID',
      detail: 'Farebox could not be reached; the request passed unchecked and uncounted.',
      request_id: '',
    }),
    headers: {},
  };
}
