import { renderEvent } from '../resources/events.ts';
import { totalOf } from '../resources/invoice-render.ts';
import { formatAmount } from '../resources/money.ts';
import { serialize } from '../http/serialize.ts';
import type { DeliveryRecord, WebhookPolicy } from '../store/machinery.ts';
import type { Tx } from '../store/store.ts';
import { queued } from '../time/runner.ts';
import { html, type Html, notice, page, redirect } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SHOWN = 25;
const FARTHEST = 3_660 * DAY;

const policies: readonly WebhookPolicy[] = ['deliver', 'twice', 'hold', 'drop'];

function instant(at_ms: number): string {
  return new Date(at_ms).toISOString().replace('T', ' ').slice(0, 19);
}

function newest<T>(records: T[]): T[] {
  return records.slice(-SHOWN).toReversed();
}

function table(caption: string, heads: string[], rows: Html[]): Html {
  if (rows.length === 0)
    return html`<section>
      <h2>${caption}</h2>
      <p class="soft">None yet.</p>
    </section>`;
  return html`<section>
    <h2>${caption}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="${caption}">
      <table>
        <thead>
          <tr>
            ${heads.map((head) => html`<th scope="col">${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

function clockSection(deps: PageDeps): Html {
  const button = (field: string, value: number, label: string): Html =>
    html`<button name="${field}" value="${value}">${label}</button>`;
  return html`<section class="card">
    <h2>Clock</h2>
    <p class="clock">${instant(deps.clock.now())} UTC</p>
    <form method="post" action="/_sandbox/clock/advance" class="inline">
      ${button('hours', 1, '+1 hour')}${button('days', 1, '+1 day')}${button('days', 31, '+31 days')}
    </form>
    <form method="post" action="/_sandbox/clock/advance" class="inline">
      <div>
        <label for="days">Days</label
        ><input id="days" name="days" type="number" min="0" max="3660" step="any" value="7" required />
      </div>
      <button>Advance</button>
    </form>
  </section>`;
}

function webhookSection(deps: PageDeps, tx: Tx): Html {
  const held = tx.all('delivery').filter((each) => each.state === 'held').length;
  const current = deps.policy.get();
  return html`<section class="card">
    <h2>Webhooks</h2>
    <form method="post" action="/_sandbox/webhooks/policy" class="inline">
      ${policies.map(
        (name) =>
          html`<button
            name="policy"
            value="${name}"
            ${name === current ? html` class="on" aria-pressed="true"` : html` aria-pressed="false"`}
          >
            ${name}
          </button>`,
      )}
    </form>
    <form method="post" action="/_sandbox/webhooks/release" class="inline">
      <button>Release ${held} held</button><button name="reversed" value="true">Release in reverse</button>
    </form>
  </section>`;
}

const tone: Record<DeliveryRecord['state'], string> = {
  delivered: 'good',
  failed: 'bad',
  dropped: 'bad',
  held: 'soft',
  pending: 'soft',
};

function deliveryText(delivery: DeliveryRecord): Html {
  const last = delivery.attempts.at(-1);
  const why = last === undefined ? '' : ` (${last.status ?? last.error})`;
  const again = html`<form method="post" action="/_sandbox/webhooks/resend">
    <button name="delivery" value="${delivery.id}">Resend</button>
  </form>`;
  return html`<div class="try">
    <span class="${tone[delivery.state]}">${delivery.state}${why}, ${delivery.attempts.length} tried</span>${again}
  </div>`;
}

function eventSection(tx: Tx): Html {
  const deliveries = tx.all('delivery');
  return table(
    'Events',
    ['At', 'Type', 'Object', 'Deliveries'],
    newest(tx.all('event')).map(
      (event) =>
        html`<tr>
          <td>${instant(event.created * 1000)}</td>
          <td><a href="/_sandbox/events/${event.id}">${event.type}</a></td>
          <td>${typeof event.object['id'] === 'string' ? event.object['id'] : null}</td>
          <td>${deliveries.filter((each) => each.event === event.id).map(deliveryText)}</td>
        </tr>`,
    ),
  );
}

function objectSections(tx: Tx): Html[] {
  const customers = newest(tx.all('customer')).map(
    (each) =>
      html`<tr>
        <td>${each.id}</td>
        <td>${each.name}</td>
        <td>${each.email}</td>
        <td>${each.deleted ? 'deleted' : each.delinquent ? 'delinquent' : 'good'}</td>
      </tr>`,
  );
  const subscriptions = newest(tx.all('subscription')).map((each) => {
    const [item] = each.items;
    const ends = each.cancel_at === null ? '' : `, ends ${instant(each.cancel_at * 1000)}`;
    return html`<tr>
      <td>${each.id}</td>
      <td>${each.customer}</td>
      <td>${each.status}${ends}</td>
      <td>
        ${
          item === undefined
            ? ''
            : `${instant(item.current_period_start * 1000)} to ${instant(item.current_period_end * 1000)}`
        }
      </td>
    </tr>`;
  });
  const invoices = newest(tx.all('invoice')).map(
    (each) =>
      html`<tr>
        <td>${each.page_token === null ? each.id : html`<a href="/i/${each.page_token}">${each.number}</a>`}</td>
        <td>${each.subscription}</td>
        <td>${each.status}</td>
        <td>${each.billing_reason}</td>
        <td class="num">${formatAmount(totalOf(each), each.currency)}</td>
      </tr>`,
  );
  return [
    table('Customers', ['Id', 'Name', 'Email', 'Standing'], customers),
    table('Subscriptions', ['Id', 'Customer', 'Status', 'Period (UTC)'], subscriptions),
    table('Invoices', ['Invoice', 'Subscription', 'Status', 'Reason', 'Total'], invoices),
  ];
}

function room(deps: PageDeps): Response {
  const now_ms = deps.clock.now();
  const due = queued(deps.store, now_ms).slice(0, SHOWN);
  return deps.store.read(now_ms, (tx) =>
    page(
      'Control room',
      html`<main class="room">
        <p class="mode">Test mode</p>
        <h1>Control room of ${deps.account_name}</h1>
        ${clockSection(deps)}${webhookSection(deps, tx)}
        ${table(
          'Due work',
          ['At (UTC)', 'What', 'Object'],
          due.map(
            (job) =>
              html`<tr>
                <td>${instant(job.at_ms)}</td>
                <td>${job.kind}</td>
                <td>${job.object_id}</td>
              </tr>`,
          ),
        )}${objectSections(tx)}${eventSection(tx)}
      </main>`,
    ),
  );
}

function state(deps: PageDeps): object {
  const now_ms = deps.clock.now();
  return deps.store.read(now_ms, (tx) => ({
    now: new Date(now_ms).toISOString(),
    now_ms,
    policy: deps.policy.get(),
    due: queued(deps.store, now_ms).map(({ at_ms, kind, object_id }) => ({ at_ms, kind, object_id })),
    deliveries: tx.all('delivery').map(({ id, event, endpoint, state: is, attempts, next_at_ms }) => ({
      id,
      event,
      type: tx.get('event', event)?.type ?? null,
      endpoint,
      state: is,
      attempts,
      next_at_ms,
    })),
    counts: {
      customers: tx.all('customer').length,
      subscriptions: tx.all('subscription').length,
      invoices: tx.all('invoice').length,
      events: tx.all('event').length,
    },
  }));
}

function refused(request: PageRequest, message: string): Response {
  if (request.json) return Response.json({ error: { message } }, { status: 400 });
  return notice('Not understood', message, { href: '/_sandbox', label: 'Control room' }, 400);
}

function amountOfTime(form: URLSearchParams): number | null {
  const units: [string, number][] = [
    ['ms', 1],
    ['hours', HOUR],
    ['days', DAY],
  ];
  let total: number | null = null;
  for (const [name, length] of units) {
    const value = form.get(name);
    if (value === null) continue;
    const number = Number(value);
    if (value.trim() === '' || !Number.isFinite(number) || number < 0) return null;
    total = (total ?? 0) + Math.round(number * length);
  }
  return total !== null && total <= FARTHEST ? total : null;
}

async function command(deps: PageDeps, request: PageRequest, path: string): Promise<Response> {
  const { form } = request;
  const done = (result: object): Response => (request.json ? Response.json(result) : redirect('/_sandbox'));
  switch (path) {
    case 'clock/advance': {
      const ms = amountOfTime(form);
      if (ms === null)
        return refused(request, 'Say how far: `ms`, `hours` or `days`, not negative, ten years at most.');
      const { from, to, ran } = await deps.advance(ms);
      return done({ from, to, now: new Date(to).toISOString(), ran });
    }
    case 'webhooks/policy': {
      const wanted = policies.find((name) => name === form.get('policy'));
      if (wanted === undefined) return refused(request, `The policy is one of ${policies.join(', ')}.`);
      deps.policy.set(wanted);
      await deps.store.durable();
      return done({ policy: wanted });
    }
    case 'webhooks/release':
      return done({ released: await deps.deliveries.release({ reversed: form.get('reversed') === 'true' }) });
    case 'webhooks/resend':
      return done({ resent: await deps.deliveries.resend(form.get('delivery') ?? '') });
    default:
      return notice(
        'No such page',
        'The control room has no such command.',
        { href: '/_sandbox', label: 'Control room' },
        404,
      );
  }
}

/** The control room: the clock, due work, objects, events and webhooks; pages for people, JSON for programs. */
export function controlRoom(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return async (request) => {
    const path = request.rest.join('/');
    if (request.method === 'POST') return await command(deps, request, path);
    if (path === '') return room(deps);
    if (path === 'state') return Response.json(state(deps));
    const [kind, id = ''] = request.rest;
    const shown = deps.store.read(deps.clock.now(), (tx) => {
      const event = kind === 'events' ? tx.get('event', id) : undefined;
      return event === undefined ? null : serialize(renderEvent(tx, event), request.origin);
    });
    if (shown === null)
      return notice(
        'No such page',
        'The control room has no such page.',
        { href: '/_sandbox', label: 'Control room' },
        404,
      );
    return new Response(shown, { headers: { 'content-type': 'application/json' } });
  };
}
