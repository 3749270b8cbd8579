/** A browser without a screen: keeps cookies, sends the origin of our pages. With a secret key it is the seller's program. */
export interface Visitor {
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Whatever is answered, with its JSON. */
  answer(method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }>;
  /** The JSON of an answer that must be a success. */
  get<T = Json>(path: string): Promise<T>;
  post<T = Json>(path: string, body?: unknown): Promise<T>;
}

// Answers are asserted field by field; their shape is what the tests are about.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>;

/** Cookies last as long as the object. */
export function createVisitor(url: string, options: { secret_key?: string } = {}): Visitor {
  const cookies = new Map<string, string>();
  async function request(
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<Response> {
    const credential: Record<string, string> =
      options.secret_key === undefined ? { origin: url } : { authorization: `Bearer ${options.secret_key}` };
    const headers: Record<string, string> = { ...credential, ...more };
    if (cookies.size > 0) headers['cookie'] = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(`${url}${path}`, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      const at = pair.indexOf('=');
      if (/max-age=0/i.test(cookie)) cookies.delete(pair.slice(0, at));
      else cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }
  async function succeed<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await request(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }
  async function answer(method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }> {
    const response = await request(method, path, body);
    return { status: response.status, json: (await response.json()) as Json };
  }
  return { request, answer, get: (path) => succeed('GET', path), post: (path, body) => succeed('POST', path, body) };
}

/** Fills in the hosted checkout page and presses Pay, as a browser without scripts does. Answers where it leads. */
export async function payOnPage(
  checkoutUrl: string,
  card = '4242424242424242',
  answers: Record<string, string> = {},
): Promise<Response> {
  const form = new URLSearchParams({
    number: card,
    exp: '12 / 34',
    cvc: '123',
    name: 'Grace Hopper',
    email: 'grace@example.com',
    ...answers,
  });
  return await fetch(checkoutUrl, { method: 'POST', body: form, redirect: 'manual' });
}
