import { finishPaymentIntent } from '../resources/payments/intent-confirm.ts';
import { storeEvents } from '../resources/events/events.ts';
import { formatAmount } from '../billing/money.ts';
import { cardOf } from '../resources/payments/payment-methods.ts';
import { finishSetupIntent } from '../resources/payments/setup-intents.ts';
import type { SetupIntentRecord } from '../store/payment-records.ts';
import type { PaymentIntentRecord } from '../store/records.ts';
import { contextOf } from '../time/test-clock.ts';
import type { Tx } from '../store/store.ts';
import { html, notice, page, redirect } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';

type Intent = PaymentIntentRecord | SetupIntentRecord;

function isPayment(intent: Intent): intent is PaymentIntentRecord {
  return 'amount_received' in intent;
}

/** The intent of an address; the secret in it keeps strangers from pressing the buttons. */
function intentOf(tx: Tx, id: string, secret: string): Intent | null {
  const intent = tx.get('payment_intent', id) ?? tx.get('setup_intent', id);
  return intent?.client_secret === `${id}_secret_${secret}` ? intent : null;
}

/** The seller's page, told how it ended as Stripe tells it. */
function wayBack(intent: Intent, passed: boolean): Response {
  const status = passed ? 'succeeded' : 'failed';
  const { return_url = null } = intent;
  if (return_url === null || !URL.canParse(return_url)) {
    const said = passed ? 'The card was confirmed.' : 'The card was not confirmed.';
    return notice('You can close this page', said, null, 200);
  }
  const url = new URL(return_url);
  const name = isPayment(intent) ? 'payment_intent' : 'setup_intent';
  url.searchParams.append(name, intent.id);
  url.searchParams.append(`${name}_client_secret`, intent.client_secret);
  url.searchParams.append('redirect_status', status);
  return redirect(url.href);
}

/** What the bank asks the holder of the card; the buttons go to the page's own address. */
export function question(tx: Tx, intent: Intent, account_name: string): Response {
  const method = tx.need('payment_method', intent.payment_method ?? '');
  const what = isPayment(intent)
    ? `confirm ${formatAmount(intent.amount, intent.currency)} to ${account_name}`
    : `let ${account_name} keep it for later payments`;
  return page(
    'Confirm with your bank',
    html`<main class="notice">
      <p class="mode">Test mode</p>
      <h1>Confirm with your bank</h1>
      <p>
        The bank of the card ending in ${cardOf(method).number.slice(-4)} asks its holder to ${what}. This is the 3-D
        Secure step.
      </p>
      <form method="post" class="inline">
        <button class="primary" name="action" value="authenticate">Complete authentication</button>
        <button name="action" value="fail">Fail authentication</button>
      </form>
    </main>`,
  );
}

function answer(deps: PageDeps, request: PageRequest, id: string, secret: string): Response {
  return deps.store.transact(deps.clock.now(), (tx) => {
    const intent = intentOf(tx, id, secret);
    if (intent === null) return notice('No such payment', 'This link belongs to no payment.', null, 404);
    if (intent.status !== 'requires_action') return wayBack(intent, intent.status !== 'requires_payment_method');
    const context = contextOf(tx, deps.account_name, intent.customer);
    const passed = request.form.get('action') === 'authenticate';
    if (isPayment(intent)) finishPaymentIntent(context, intent, passed);
    else finishSetupIntent(context, intent, passed);
    storeEvents(context, deps.clock.machine());
    const after = intentOf(tx, id, secret) ?? intent;
    return wayBack(after, after.status !== 'requires_payment_method');
  });
}

/** The bank's page of intents made through the API: `/3ds/<intent>/<secret>`. */
export function authenticationPages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const [id = '', secret = ''] = request.rest;
    if (request.method === 'POST') {
      const response = answer(deps, request, id, secret);
      await deps.store.durable();
      deps.committed();
      return response;
    }
    return deps.store.read(deps.clock.now(), (tx) => {
      const intent = intentOf(tx, id, secret);
      if (intent === null) return notice('No such payment', 'This link belongs to no payment.', null, 404);
      if (intent.status !== 'requires_action') return wayBack(intent, intent.status !== 'requires_payment_method');
      return question(tx, intent, deps.account_name);
    });
  };
}
