import type { Context } from '../resources/context.ts';
import type { FormHash } from './form.ts';
import { type Param, type Read, readParams } from './params.ts';

/** One built route. */
export interface Route {
  /** As in the contract: `POST /v1/customers/{id}`. */
  key: string;
  method: string;
  /** Path segments after `/`; `{id}` stands for any. */
  segments: string[];
  /** What it takes, as a hash. */
  params: Readonly<Record<string, Param<unknown>>>;
  /** `id` is what stands for `{id}`; of two, `first/second`. */
  run(context: Context, hash: FormHash, id: string): object;
  /** What it does with parameters that were read. */
  perform(context: Context, read: object, id: string): object;
}

/** Declares a route: its contract key, its table of parameters, and what it does. */
export function route<F extends Record<string, Param<unknown>>>(
  key: string,
  params: F,
  run: (context: Context, read: Read<F>, id: string) => object,
): Route {
  const [method = '', path = ''] = key.split(' ');
  return {
    key,
    method,
    segments: path.split('/').slice(1),
    params,
    run(context, hash, id) {
      return this.perform(context, readParams(key, hash, params), id);
    },
    perform: (context, read, id) => run(context, read as Read<F>, id),
  };
}
