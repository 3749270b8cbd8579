import type { FormHash } from '../http/form.ts';
import type { Context } from '../resources/context.ts';
import { pauseFault, updateFault } from '../resources/portal/plan-choices.ts';
import type { SubscriptionRecord } from '../store/records.ts';
import { redirect } from './html.ts';
import { call } from './portal-call.ts';
import {
  acceptOffer,
  cancelPage,
  cancelPlan,
  keepPlan,
  offerOf,
  offerPage,
  pausePage,
  pausePlan,
  resumePlan,
} from './portal-ending.ts';
import { homePage } from './portal-home.ts';
import { hrefOf, mayCancel, ownSubscription, type Visit } from './portal-parts.ts';
import { changePlan, confirmPage, updatePage } from './portal-plan.ts';

type Pressed = Response | null;

interface Press {
  context: Context;
  visit: Visit;
  form: URLSearchParams;
  subscription: SubscriptionRecord;
}

function pressRenew({ context, subscription }: Press): null {
  const undo: FormHash = subscription.cancel_at_period_end ? { cancel_at_period_end: 'false' } : { cancel_at: '' };
  call(context, 'POST', `/v1/subscriptions/${subscription.id}`, undo);
  return null;
}

function pressConfirm({ context, visit, form, subscription }: Press): Pressed {
  const fault = updateFault(visit.tx, subscription);
  if (fault !== null) return homePage(visit, fault);
  const message = changePlan(context, visit, subscription, form);
  return message === null ? null : updatePage(visit, subscription, message, form);
}

function pressPause({ context, visit, form, subscription }: Press): Pressed {
  const fault = pauseFault(visit.tx, subscription);
  if (fault !== null) return homePage(visit, fault);
  const message = pausePlan(context, visit, subscription, form);
  return message === null ? null : pausePage(visit, subscription, message);
}

/** What a press on a subscription does; `null` when it did its work. */
export function pressSubscription(press: Omit<Press, 'subscription'>, id: string, action: string): Pressed {
  const { context, visit, form } = press;
  const { features } = visit.configuration;
  const subscription = ownSubscription(visit, id);
  if (subscription === null) return homePage(visit, 'This subscription has ended.');
  const own = { ...press, subscription };
  if (action === 'renew') return pressRenew(own);
  if (action === 'keep') {
    keepPlan(context, subscription);
    return null;
  }
  if (action === 'resume' && subscription.status === 'paused') {
    resumePlan(context, subscription);
    return null;
  }
  if (action === 'cancel' && mayCancel(visit, subscription)) {
    cancelPlan(context, visit, subscription, form);
    return null;
  }
  if (action === 'retain' && features.subscription_cancel.enabled) {
    acceptOffer(context, visit, subscription);
    return null;
  }
  if (action === 'confirm' && features.subscription_update.enabled) return pressConfirm(own);
  if (action === 'pause' && features.subscription_pause.enabled) return pressPause(own);
  return redirect(hrefOf(visit));
}

/** The page of one task of a subscription; `null` where there is none. */
export function showSubscription(
  visit: Visit,
  id: string,
  action: string,
  message: string | null,
  form: URLSearchParams,
): Response | null {
  const { tx } = visit;
  const { features } = visit.configuration;
  const subscription = ownSubscription(visit, id);
  if (subscription === null) return null;
  if (action === 'cancel' && mayCancel(visit, subscription)) {
    const offer = form.has('declined') || form.has('feedback') ? null : offerOf(visit);
    if (offer !== null) return offerPage(visit, subscription, offer, message);
    return cancelPage(visit, subscription, message);
  }
  if (action === 'pause' && features.subscription_pause.enabled) {
    const fault = pauseFault(tx, subscription);
    return fault === null ? pausePage(visit, subscription, message) : homePage(visit, fault);
  }
  if ((action === 'update' || action === 'confirm') && features.subscription_update.enabled) {
    const fault = updateFault(tx, subscription);
    if (fault !== null) return homePage(visit, fault);
    if (action === 'confirm') return confirmPage(visit, subscription, message, form);
    return updatePage(visit, subscription, message, form);
  }
  return null;
}
