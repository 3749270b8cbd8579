import type { Context } from 'hono';
import type { AppEnv } from '../http/principal.ts';
import { access, body, createRoute, json, problems, router } from '../http/router.ts';
import { Problem, type ProblemCode } from '../problem.ts';
import * as schema from './schema.ts';
import type { Accounts, Visit } from './service.ts';

const people = { tags: ['People'], security: access.public };

const signUp = createRoute({
  ...people,
  method: 'post',
  path: '/auth/sign-up/email',
  summary: 'Sign up with an address and a password',
  request: { body: body(schema.signUpBody) },
  responses: {
    200: json(schema.signedInSchema, 'Signed up and signed in; a letter asks to confirm the address.'),
    ...problems('too_many_requests'),
  },
});

const signIn = createRoute({
  ...people,
  method: 'post',
  path: '/auth/sign-in/email',
  summary: 'Sign in',
  request: { body: body(schema.signInBody) },
  responses: {
    200: json(schema.signedInSchema, 'Signed in; the session is in the cookie.'),
    ...problems('unauthenticated', 'too_many_requests'),
  },
});

const signOut = createRoute({
  ...people,
  method: 'post',
  path: '/auth/sign-out',
  summary: 'Sign out',
  responses: { 200: json(schema.okSchema, 'The session is gone.'), ...problems() },
});

const enterPortal = createRoute({
  ...people,
  method: 'post',
  path: '/auth/portal',
  summary: 'Open the dashboard with a link that the seller asked for',
  request: { body: body(schema.portalBody) },
  responses: {
    200: json(schema.okSchema, 'The link is used up; the session is in the cookie.'),
    ...problems('portal_link_invalid', 'too_many_requests'),
  },
});

const resend = createRoute({
  ...people,
  method: 'post',
  path: '/auth/send-verification-email',
  summary: 'Send the confirmation letter again',
  request: { body: body(schema.resendBody) },
  responses: {
    200: json(schema.okSchema, 'Sent, if the address has an account that is not confirmed.'),
    ...problems('too_many_requests'),
  },
});

const verify = createRoute({
  ...people,
  method: 'get',
  path: '/auth/verify-email',
  summary: 'Confirm an address, from the letter',
  request: { query: schema.verifyQuery },
  responses: { 302: { description: 'To `/verify`, with `error` when the link is of no use.' }, ...problems() },
});

const requestReset = createRoute({
  ...people,
  method: 'post',
  path: '/auth/request-password-reset',
  summary: 'Ask for a letter with a link to set a new password',
  request: { body: body(schema.requestResetBody) },
  responses: {
    200: json(schema.okSchema, 'Sent, if the address has an account; the answer is the same if not.'),
    ...problems('too_many_requests'),
  },
});

const reset = createRoute({
  ...people,
  method: 'post',
  path: '/auth/reset-password',
  summary: 'Set a new password with the token of the letter',
  request: { body: body(schema.resetBody) },
  responses: {
    200: json(schema.okSchema, 'Set; the link is used up and every session of the person has ended.'),
    ...problems('reset_link_invalid', 'too_many_requests'),
  },
});

const firstRun = createRoute({
  method: 'post',
  path: '/v1/operators/first_run',
  tags: ['Operators'],
  summary: 'Make the first operator with the token the console showed',
  security: access.public,
  request: { body: body(schema.firstRunBody) },
  responses: {
    201: json(schema.operatorSchema, 'The operator, who can sign in now.'),
    ...problems('first_run_token_invalid', 'too_many_requests'),
  },
});

const me = createRoute({
  method: 'get',
  path: '/v1/me',
  tags: ['People'],
  summary: 'Who is signed in',
  security: access.customer,
  responses: { 200: json(schema.meSchema, 'The person and what it belongs to.'), ...problems('unauthenticated') },
});

export interface AccountRoutesDeps {
  accounts: Accounts;
  findCustomer(id: string): Promise<{ id: string; name: string; email: string } | null>;
}

export function createAccountRoutes(deps: AccountRoutesDeps) {
  const { accounts } = deps;
  const app = router();

  app.openapi(signUp, async (c) => {
    const response = await accounts.signUp(visitOf(c), c.req.valid('json'));
    return response.ok ? await signedIn(c, response) : await refused(response);
  });

  app.openapi(signIn, async (c) => {
    const response = await accounts.signIn(visitOf(c), c.req.valid('json'));
    return response.ok ? await signedIn(c, response) : await refused(response);
  });

  app.openapi(signOut, async (c) => {
    keepCookies(c, await accounts.signOut(visitOf(c)));
    return c.json({ ok: true as const }, 200);
  });

  app.openapi(enterPortal, async (c) => {
    keepCookies(c, [await accounts.enterPortal(visitOf(c), c.req.valid('json').token)]);
    return c.json({ ok: true as const }, 200);
  });

  app.openapi(resend, async (c) => {
    const response = await accounts.resendVerification(visitOf(c), c.req.valid('json'));
    return response.ok ? c.json({ ok: true as const }, 200) : await refused(response);
  });

  app.openapi(verify, async (c) => {
    return c.redirect(await accounts.verifyEmail(visitOf(c), c.req.valid('query').token), 302);
  });

  app.openapi(requestReset, async (c) => {
    await accounts.requestPasswordReset(visitOf(c), c.req.valid('json'));
    return c.json({ ok: true as const }, 200);
  });

  app.openapi(reset, async (c) => {
    const response = await accounts.resetPassword(visitOf(c), c.req.valid('json'));
    return response.ok ? c.json({ ok: true as const }, 200) : await refused(response);
  });

  app.openapi(firstRun, async (c) => {
    const { user_id, email } = await accounts.firstRun(visitOf(c), c.req.valid('json'));
    return c.json({ object: 'operator' as const, id: user_id, email }, 201);
  });

  app.openapi(me, async (c) => {
    const portal = await accounts.portals.find(c.req.raw.headers);
    if (portal !== null) {
      const owner = await deps.findCustomer(portal.customer_id);
      if (owner === null) throw new Problem('unauthenticated', 'Nobody is signed in.');
      return c.json(schema.portalMeBody(portal, owner), 200);
    }
    const person = await accounts.personOf(c.req.raw.headers);
    if (person === null) throw new Problem('unauthenticated', 'Nobody is signed in.');
    keepCookies(c, await accounts.renew(c.req.raw.headers));
    const customer = person.customer_id === null ? null : await deps.findCustomer(person.customer_id);
    return c.json(schema.meBody(person, customer), 200);
  });

  return app;

  /** better-auth's answer without the session's token, which only the cookie carries. Who signs in leaves a portal. */
  async function signedIn(c: Context<AppEnv>, response: Response) {
    keepCookies(c, response.headers.getSetCookie());
    const left = await accounts.portals.leave(c.req.raw.headers);
    if (left !== null) keepCookies(c, [left]);
    const { user } = schema.signedInSchema.parse(await response.json());
    return c.json({ user }, 200);
  }
}

function visitOf(c: Context<AppEnv>): Visit {
  return { headers: c.req.raw.headers, ip: c.get('client_ip') };
}

function keepCookies(c: Context<AppEnv>, cookies: readonly string[]): void {
  for (const cookie of cookies) c.header('set-cookie', cookie, { append: true });
}

const codes: Record<number, ProblemCode> = { 401: 'unauthenticated', 403: 'forbidden', 429: 'too_many_requests' };

/** better-auth's refusal in our form. */
async function refused(response: Response): Promise<never> {
  const text = await response.text();
  const { code, message } = schema.refusalSchema.parse(text === '' ? {} : JSON.parse(text));
  if (response.status >= 500) throw new Error(`better-auth answered ${response.status}: ${message ?? text}`);
  if (code === 'INVALID_TOKEN') {
    throw new Problem(
      'reset_link_invalid',
      'This link was used, is older than an hour, or was never sent. Ask for a new one.',
    );
  }
  throw new Problem(codes[response.status] ?? 'invalid_request', message ?? 'This was refused.');
}
