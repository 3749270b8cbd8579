import { openSession } from '../resources/portal/portal-sessions.ts';
import type { CustomerRecord, PortalConfigurationRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { storeEvents } from '../resources/events/events.ts';
import { contextOf } from '../time/test-clock.ts';
import { html, type Html, notice, page } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { alertBox } from './portal-parts.ts';

function frame(account_name: string, content: Html): Response {
  return page(
    `Sign in: ${account_name}`,
    html`<main class="portal narrow">
      <p class="mode">Test mode: no money moves</p>
      ${content}
    </main>`,
  );
}

function formPage(deps: PageDeps, token: string, email: string, message: string | null): Response {
  return frame(
    deps.account_name,
    html`<h1>Manage your ${deps.account_name} billing</h1>
      ${alertBox(message)}
      <section class="card">
        <form method="post" action="/p/login/${token}">
          <div class="field">
            <label for="email">Email</label
            ><input
              id="email"
              name="email"
              type="email"
              autocomplete="email"
              required
              value="${email}"
              ${message === null ? null : html`aria-invalid="true" aria-describedby="error"`}
            />
          </div>
          <button class="primary">Continue</button>
        </form>
        <p class="soft small">Use the address your invoices go to.</p>
      </section>`,
  );
}

/** Of several customers with an address, the newest one that has a subscription; else the newest. */
function customerOf(tx: Tx, email: string): CustomerRecord | null {
  const own = tx
    .all('customer')
    .filter((each) => !each.deleted && each.email?.toLowerCase() === email.toLowerCase())
    .toReversed();
  const subscribed = own.find((each) =>
    tx.all('subscription').some((subscription) => subscription.customer === each.id && subscription.ended_at === null),
  );
  return subscribed ?? own[0] ?? null;
}

function signIn(deps: PageDeps, configuration: PortalConfigurationRecord, token: string, email: string): Response {
  return deps.store.transact(deps.clock.now(), (tx) => {
    const customer = customerOf(tx, email);
    if (customer === null) return formPage(deps, token, email, 'No customer has this address.');
    const context = contextOf(tx, deps.account_name, null);
    const session = openSession(context, {
      configuration: configuration.id,
      customer: customer.id,
      flow: null,
      locale: null,
      return_url: configuration.default_return_url,
    });
    storeEvents(context, deps.clock.machine());
    return frame(
      deps.account_name,
      html`<h1>Your link is here</h1>
        <p>Stripe sends it to ${email} by mail. The sandbox sends no mail and shows it instead.</p>
        <p><a class="button" href="${session.url.replace(/^sandbox:/, '')}">Open your billing</a></p>`,
    );
  });
}

/** The login page of a configuration: `/p/login/<token>`. */
export async function loginPages(deps: PageDeps, request: PageRequest, token: string): Promise<Response> {
  const configuration = deps.store.read(deps.clock.now(), (tx) =>
    tx.all('portal_configuration').find((each) => each.active && each.login_token === token),
  );
  if (configuration === undefined) return notice('No such page', 'This login page is not open.', null, 404);
  const email = request.form.get('email')?.trim() ?? '';
  if (request.method !== 'POST') return formPage(deps, token, email, null);
  const response = signIn(deps, configuration, token, email);
  await deps.store.durable();
  deps.committed();
  return response;
}
