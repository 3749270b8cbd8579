import { wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../../http/router.ts';
import type { ProblemCode } from '../../problem.ts';
import { subscriptionSchema, subscriptionView } from '../schema.ts';
import type { SubscriptionWithPlan } from '../store.ts';
import type { createAddOns } from './add-ons.ts';
import type { createChangePlan } from './change-plan.ts';
import {
  addOnBody,
  addOnParams,
  cancelBody,
  changeBody,
  changePreviewSchema,
  changePreviewView,
  changedSchema,
  couponBody,
  seatsBody,
  trialBody,
} from './schema.ts';
import type { createVerbs } from './verbs.ts';

const of = '/v1/subscriptions/{id}';
const common = { security: access.anybody };
const params = { params: idParam };
const nothing = z.object({});

function answers(...codes: ProblemCode[]) {
  return {
    200: json(subscriptionSchema, 'The subscription as it is now.'),
    ...refusals('subscription_ended', ...codes),
  };
}

function refusals(...codes: ProblemCode[]) {
  return problems('unauthenticated', 'forbidden', 'not_found', 'stripe_unavailable', 'stripe_refused', ...codes);
}

const changeRefusals = [
  'plan_not_found',
  'price_not_found',
  'plan_not_pushed',
  'no_change',
  'subscription_ended',
  'subscription_incomplete',
  'subscription_paused',
  'payment_past_due',
  'cancellation_scheduled',
  'downgrade_at_period_end',
  'currency_mismatch',
  'change_scheduled',
  'add_on_not_available',
] as const;

const previewRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/preview`,
  summary: 'What a change would do and cost, to the cent; nothing happens',
  request: { ...params, body: body(changeBody) },
  responses: { 200: json(changePreviewSchema, 'What the change would do.'), ...refusals(...changeRefusals) },
});

const changeRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/change`,
  summary: 'Another plan, interval or number of seats',
  description:
    'A payment that fails leaves everything as it was. One that the bank wants confirmed is answered with where.',
  request: { ...params, body: body(changeBody) },
  responses: {
    200: json(changedSchema, 'The change, and what is left to do about its payment.'),
    ...refusals(...changeRefusals, 'payment_failed'),
  },
});

const seatsRoute = createRoute({
  ...common,
  method: 'patch',
  path: `${of}/seats`,
  summary: 'More seats now, fewer at the end of the period',
  request: { ...params, body: body(seatsBody) },
  responses: {
    200: json(changedSchema, 'The change, and what is left to do about its payment.'),
    ...refusals(...changeRefusals, 'payment_failed'),
  },
});

const addOnPreviewRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/add_ons/preview`,
  summary: 'What more, fewer or none of an add-on would do and cost, to the cent; nothing happens',
  request: { ...params, body: body(addOnBody) },
  responses: { 200: json(changePreviewSchema, 'What the change would do.'), ...refusals(...changeRefusals) },
});

const addOnRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/add_ons`,
  summary: 'More, fewer or none of an add-on',
  description: 'More counts at once and pays for the rest of the period; less waits for its end.',
  request: { ...params, body: body(addOnBody) },
  responses: {
    200: json(changedSchema, 'The change, and what is left to do about its payment.'),
    ...refusals(...changeRefusals, 'payment_failed'),
  },
});

const removeAddOnRoute = createRoute({
  ...common,
  method: 'delete',
  path: `${of}/add_ons/{plan_id}`,
  summary: 'Remove an add-on when what is paid for is used',
  request: { params: addOnParams },
  responses: { 200: json(changedSchema, 'What is arranged.'), ...refusals(...changeRefusals, 'payment_failed') },
});

const undoRoute = createRoute({
  ...common,
  method: 'delete',
  path: `${of}/scheduled_change`,
  summary: 'Take back a change at the end of the period',
  request: params,
  responses: answers('nothing_scheduled'),
});

const cancelRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/cancel`,
  summary: 'End it, now or when what is paid for is used',
  description: 'The usage of the last period, also of a part of one, is billed when it ends.',
  request: { ...params, body: body(cancelBody) },
  responses: answers('no_change'),
});

const resumeRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/resume`,
  summary: 'Undo a cancellation before it has happened',
  request: { ...params, body: { ...body(nothing), required: false } },
  responses: answers('not_canceling'),
});

const pauseRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/pause`,
  summary: 'Stop access and invoices',
  description: 'What is paid for and unused is taken off the next invoice.',
  request: { ...params, body: { ...body(nothing), required: false } },
  responses: answers('subscription_paused', 'payment_past_due', 'cancellation_scheduled', 'trial_invalid'),
});

const unpauseRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/unpause`,
  summary: 'Go on with a new period from today',
  request: { ...params, body: { ...body(nothing), required: false } },
  responses: answers('subscription_not_paused', 'payment_failed'),
});

const trialRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/trial`,
  summary: 'End a trial now, or make it longer',
  request: { ...params, body: body(trialBody) },
  responses: answers('trial_invalid'),
});

const couponRoute = createRoute({
  ...common,
  method: 'post',
  path: `${of}/coupons`,
  summary: 'Redeem a promotion code',
  request: { ...params, body: body(couponBody) },
  responses: answers('coupon_invalid'),
});

/** The verbs of a subscription's life. */
export function createLifeRoutes(deps: {
  changePlan: ReturnType<typeof createChangePlan>;
  addOns: ReturnType<typeof createAddOns>;
  verbs: ReturnType<typeof createVerbs>;
  find(id: string): Promise<SubscriptionWithPlan>;
}) {
  const { changePlan, addOns, verbs } = deps;
  const app = router();
  const view = async (id: string) => subscriptionView(await deps.find(id));

  app.openapi(previewRoute, async (c) => {
    const wish = instantsOf(c.req.valid('json'));
    const preview = await changePlan.preview(wisherOf(c), c.req.valid('param').id, wish);
    return c.json(changePreviewView(preview), 200);
  });
  app.openapi(changeRoute, async (c) => {
    const { id } = c.req.valid('param');
    const changed = await changePlan.change(wisherOf(c), id, instantsOf(c.req.valid('json')));
    return c.json({ object: 'subscription_change' as const, ...changed, subscription: await view(id) }, 200);
  });
  app.openapi(seatsRoute, async (c) => {
    const { id } = c.req.valid('param');
    const changed = await changePlan.change(wisherOf(c), id, instantsOf(c.req.valid('json')));
    return c.json({ object: 'subscription_change' as const, ...changed, subscription: await view(id) }, 200);
  });
  app.openapi(addOnPreviewRoute, async (c) => {
    const wish = instantsOf(c.req.valid('json'));
    const preview = await addOns.preview(wisherOf(c), c.req.valid('param').id, wish);
    return c.json(changePreviewView(preview), 200);
  });
  app.openapi(addOnRoute, async (c) => {
    const { id } = c.req.valid('param');
    const changed = await addOns.change(wisherOf(c), id, instantsOf(c.req.valid('json')));
    return c.json({ object: 'subscription_change' as const, ...changed, subscription: await view(id) }, 200);
  });
  app.openapi(removeAddOnRoute, async (c) => {
    const { id, plan_id } = c.req.valid('param');
    const changed = await addOns.change(wisherOf(c), id, { plan_id, quantity: 0, when: 'period_end' });
    return c.json({ object: 'subscription_change' as const, ...changed, subscription: await view(id) }, 200);
  });
  app.openapi(undoRoute, async (c) => {
    const { id } = c.req.valid('param');
    await changePlan.undo(wisherOf(c), id);
    return c.json(await view(id), 200);
  });
  app.openapi(cancelRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { at, reason = null, comment = null, gives_back } = c.req.valid('json');
    await verbs.cancel(wisherOf(c), id, { at, reason, comment, gives_back });
    return c.json(await view(id), 200);
  });
  app.openapi(resumeRoute, async (c) => {
    const { id } = c.req.valid('param');
    await verbs.resume(wisherOf(c), id);
    return c.json(await view(id), 200);
  });
  app.openapi(pauseRoute, async (c) => {
    const { id } = c.req.valid('param');
    await verbs.pause(wisherOf(c), id);
    return c.json(await view(id), 200);
  });
  app.openapi(unpauseRoute, async (c) => {
    const { id } = c.req.valid('param');
    await verbs.unpause(wisherOf(c), id);
    return c.json(await view(id), 200);
  });
  app.openapi(trialRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { end_at } = c.req.valid('json');
    await verbs.setTrial(wisherOf(c), id, end_at === 'now' ? 'now' : Date.parse(end_at));
    return c.json(await view(id), 200);
  });
  app.openapi(couponRoute, async (c) => {
    const { id } = c.req.valid('param');
    await verbs.redeem(wisherOf(c), id, c.req.valid('json').code);
    return c.json(await view(id), 200);
  });
  return app;
}

function instantsOf<T extends { proration_at?: string | undefined }>(wish: T) {
  const { proration_at, ...rest } = wish;
  return { ...rest, proration_at: proration_at === undefined ? undefined : Date.parse(proration_at) };
}
