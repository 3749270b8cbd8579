import { formatAmount } from '../billing/money.ts';
import type { FormHash } from '../http/form.ts';
import type { Context } from '../resources/context.ts';
import { isOwn, managedBy, PORTAL_MARK } from '../resources/portal/plan-choices.ts';
import type { CouponRecord } from '../store/money-records.ts';
import type { CancelFeedback, SubscriptionRecord } from '../store/records.ts';
import { html, type Html } from './html.ts';
import { call } from './portal-call.ts';
import { alertBox, day, hrefOf, planName, portalPage, type Visit } from './portal-parts.ts';

const reasons: Record<CancelFeedback, string> = {
  customer_service: 'Customer service was less than expected',
  low_quality: 'The quality was less than expected',
  missing_features: 'Some features are missing',
  other: 'Another reason',
  switched_service: 'I am switching to a different service',
  too_complex: 'It is too complicated',
  too_expensive: 'It is too expensive',
  unused: "I don't use it enough",
};

function reasonFields(visit: Visit): Html | null {
  const { enabled, options } = visit.configuration.features.subscription_cancel.reasons;
  if (!enabled || options.length === 0) return null;
  return html`<fieldset>
      <legend>Why do you cancel? <span class="soft">(optional)</span></legend>
      ${options.map(
        (value) =>
          html`<label class="choice"><input type="radio" name="feedback" value="${value}" /> ${reasons[value]}</label>`,
      )}
    </fieldset>
    <div class="field">
      <label for="comment">Anything to add? <span class="soft">(optional)</span></label>
      <textarea id="comment" name="comment" rows="3" maxlength="1000"></textarea>
    </div>`;
}

/** What is paused has no period to wait for the end of. */
function endsNow(visit: Visit, subscription: SubscriptionRecord): boolean {
  return visit.configuration.features.subscription_cancel.mode === 'immediately' || subscription.status === 'paused';
}

const refunds = {
  always_invoice: 'What you paid for the time after is credited to your balance.',
  create_prorations: 'What you paid for the time after is credited to your next invoice.',
  none: 'Nothing is refunded.',
};

/** `20% off for 3 months`. */
function offerText({ amount_off, currency, duration, duration_in_months, percent_off }: CouponRecord): string {
  const off = percent_off === null ? formatAmount(amount_off ?? 0, currency ?? 'usd') : `${percent_off}%`;
  const months = duration_in_months === 1 ? 'one month' : `${duration_in_months ?? 1} months`;
  const long = { forever: 'for as long as you stay', once: 'on your next invoice', repeating: `for ${months}` };
  return `${off} off ${long[duration]}`;
}

/** The offer a link makes to who is about to cancel; `null` when it makes none, or was declined. */
export function offerOf(visit: Visit): CouponRecord | null {
  const { flow, flow_done } = visit.session;
  if (flow?.retention == null || flow_done) return null;
  const coupon = visit.tx.get('coupon', flow.retention);
  return coupon === undefined || coupon.deleted ? null : coupon;
}

/** Asks to stay, for less. */
export function offerPage(
  visit: Visit,
  subscription: SubscriptionRecord,
  coupon: CouponRecord,
  message: string | null,
): Response {
  const path = `subscriptions/${subscription.id}`;
  return portalPage(
    visit,
    'Before you cancel',
    html`<h1>Stay for less</h1>
      ${alertBox(message)}
      <section class="card">
        <p class="amount">${offerText(coupon)}</p>
        <p>Keep ${planName(visit.tx, subscription)}, and the discount is yours from the next invoice on.</p>
        <form method="post" action="${hrefOf(visit, `${path}/retain`)}">
          <button class="primary">Accept the offer</button>
        </form>
        <p><a href="${hrefOf(visit, `${path}/cancel`)}?declined=1">No thanks, cancel my plan</a></p>
      </section>`,
    hrefOf(visit),
  );
}

/** Asks before a subscription is canceled. */
export function cancelPage(visit: Visit, subscription: SubscriptionRecord, message: string | null): Response {
  const { proration_behavior } = visit.configuration.features.subscription_cancel;
  const end = subscription.items[0]?.current_period_end ?? visit.tx.now;
  return portalPage(
    visit,
    'Cancel plan',
    html`<h1>Cancel ${planName(visit.tx, subscription)}</h1>
      ${alertBox(message)}
      <section class="card">
        <p>
          ${
            endsNow(visit, subscription)
              ? html`Your subscription ends <strong>at once</strong>. ${refunds[proration_behavior]}`
              : html`Your subscription stays available until <strong>${day(end)}</strong>, the end of the period that is
                  paid for. Then it ends, and you will not be charged again.`
          }
        </p>
        <form method="post" action="${hrefOf(visit, `subscriptions/${subscription.id}/cancel`)}">
          ${reasonFields(visit)}<button class="primary danger">Cancel plan</button>
        </form>
      </section>`,
    hrefOf(visit),
  );
}

/** Takes back a change that the customer planned in the portal. */
export function keepPlan(context: Context, subscription: SubscriptionRecord): void {
  const schedule = managedBy(context.tx, subscription);
  if (schedule === null || !isOwn(schedule)) return;
  call(context, 'POST', `/v1/subscription_schedules/${schedule.id}/release`, {});
}

/** Cancels as the configuration says, with what the customer gave as the reason. */
export function cancelPlan(
  context: Context,
  visit: Visit,
  subscription: SubscriptionRecord,
  form: URLSearchParams,
): void {
  const feedback = form.get('feedback') ?? '';
  const comment = form.get('comment')?.trim() ?? '';
  const details: FormHash = {
    ...(feedback === '' ? {} : { feedback }),
    ...(comment === '' ? {} : { comment }),
  };
  const cancellation_details = Object.keys(details).length === 0 ? {} : { cancellation_details: details };
  const path = `/v1/subscriptions/${subscription.id}`;
  keepPlan(context, subscription);
  if (!endsNow(visit, subscription)) {
    call(context, 'POST', path, { cancel_at_period_end: 'true', ...cancellation_details });
    return;
  }
  const { proration_behavior: behavior } = visit.configuration.features.subscription_cancel;
  const prorates = behavior !== 'none' && subscription.status !== 'paused';
  call(context, 'DELETE', path, {
    ...cancellation_details,
    ...(prorates ? { prorate: 'true' } : {}),
    ...(prorates && behavior === 'always_invoice' ? { invoice_now: 'true' } : {}),
  });
}

/** Takes the offer: its coupon joins the subscription's discounts. */
export function acceptOffer(context: Context, visit: Visit, subscription: SubscriptionRecord): void {
  const coupon = offerOf(visit);
  if (coupon === null) return;
  const kept = (subscription.discounts ?? []).map((discount) => ({ discount }));
  call(context, 'POST', `/v1/subscriptions/${subscription.id}`, { discounts: [...kept, { coupon: coupon.id }] });
}

function lengthText({ interval, interval_count }: { interval: string; interval_count: number }): string {
  return interval_count === 1 ? `One ${interval}` : `${interval_count} ${interval}s`;
}

/** Asks for how long. */
export function pausePage(visit: Visit, subscription: SubscriptionRecord, message: string | null): Response {
  const { options, type } = visit.configuration.features.subscription_pause;
  return portalPage(
    visit,
    'Pause plan',
    html`<h1>Pause ${planName(visit.tx, subscription)}</h1>
      ${alertBox(message)}
      <section class="card">
        <p>
          While it is paused you are not charged. What you paid for the rest of this period is credited to your next
          invoice. When it goes on, a new period begins and is charged.
        </p>
        <form method="post" action="${hrefOf(visit, `subscriptions/${subscription.id}/pause`)}">
          ${
            type === 'indefinite'
              ? html`<p class="soft">It stays paused until you resume it here.</p>`
              : html`<fieldset>
                  <legend>For how long?</legend>
                  ${options.map(
                    (each, index) =>
                      html`<label class="choice"
                        ><input
                          type="radio"
                          name="length"
                          value="${index}"
                          required
                          ${index === 0 ? html`checked` : null}
                        />
                        ${lengthText(each)}</label
                      >`,
                  )}
                </fieldset>`
          }
          <button class="primary">Pause plan</button>
        </form>
      </section>`,
    hrefOf(visit),
  );
}

/** Pauses now, until it is resumed or for the time that was chosen. A text says what cannot be. */
export function pausePlan(
  context: Context,
  visit: Visit,
  subscription: SubscriptionRecord,
  form: URLSearchParams,
): string | null {
  const { options, type } = visit.configuration.features.subscription_pause;
  if (type === 'indefinite') {
    call(context, 'POST', `/v1/subscriptions/${subscription.id}/pause`, { type: 'subscription' });
    return null;
  }
  const length = options[Number(form.get('length') ?? '')];
  if (length === undefined) return 'Choose for how long.';
  const made = call(context, 'POST', '/v1/subscription_schedules', { from_subscription: subscription.id });
  const id = 'id' in made ? String(made.id) : '';
  const duration = { interval: length.interval, interval_count: String(length.interval_count) };
  call(context, 'POST', `/v1/subscription_schedules/${id}`, {
    metadata: PORTAL_MARK,
    pause_schedules: [{ pause: { pause_at: { type: 'now' } }, resume: { resume_at: { type: 'duration', duration } } }],
  });
  return null;
}

/** Goes on now; what was planned for it is dropped. */
export function resumePlan(context: Context, subscription: SubscriptionRecord): void {
  keepPlan(context, subscription);
  call(context, 'POST', `/v1/subscriptions/${subscription.id}/resume`, {});
}
