import type { Run } from '../account.ts';
import type { Json, JsonObject } from '../contract/json.ts';
import { readFault } from '../pages/room-faults.ts';
import type { Answer, World } from './run.ts';
import { asText } from './values.ts';

/** A hash as Stripe's form: `items[0][price]`. */
function formOf(params: JsonObject): URLSearchParams {
  const form = new URLSearchParams();
  const write = (name: string, value: Json): void => {
    if (value === undefined) return;
    if (Array.isArray(value)) value.forEach((each, index) => write(`${name}[${index}]`, each));
    else if (typeof value === 'object' && value !== null) {
      for (const [key, each] of Object.entries(value)) write(`${name}[${key}]`, each);
    } else form.append(name, value === null ? '' : asText(value));
  };
  for (const [name, value] of Object.entries(params)) write(name, value);
  return form;
}

/** A request as it is sent: to v1 a form, to v2 JSON; what is no POST asks in its address. */
export function requestOf(base: string, key: string, method: string, path: string, params: JsonObject): Request {
  const headers = new Headers({ authorization: `Bearer ${key}` });
  const is_v2 = path.startsWith('/v2/');
  const form = formOf(params).toString();
  if (method !== 'POST') return new Request(`${base}${path}${form === '' ? '' : `?${form}`}`, { method, headers });
  headers.set('content-type', is_v2 ? 'application/json' : 'application/x-www-form-urlencoded');
  return new Request(`${base}${path}`, { method, headers, body: is_v2 ? JSON.stringify(params) : form });
}

/** The answer of the API as a scenario sees it. */
export async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: (await response.json()) as JsonObject };
}

/** A sandbox as the world of a scenario. */
export function sandboxWorld(
  run: Run,
  send: (request: Request) => Promise<Response>,
  base: string,
  key: string,
): World {
  return {
    call: async (method, path, params) => await answerOf(await send(requestOf(base, key, method, path, params))),
    sandbox: {
      advance: (ms) => run.clock.advance(ms),
      now: () => run.clock.now(),
      fault(wish) {
        const form = new URLSearchParams();
        for (const [name, each] of Object.entries(wish)) form.set(name, asText(each));
        const read = readFault(form);
        if (typeof read === 'string') throw new RangeError(read);
        run.faults.add(read);
      },
      clearFaults: () => void run.faults.clear(),
      async submit(url, form) {
        const request = new Request(url, { method: 'POST', body: formOf(form), redirect: 'manual' });
        return (await send(request)).status;
      },
    },
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
