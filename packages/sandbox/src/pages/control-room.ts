import { ApiError } from '../http/api-error.ts';
import { expand } from '../http/expand.ts';
import { parseForm } from '../http/form.ts';
import { findRoute } from '../http/routes.ts';
import { serialize } from '../http/serialize.ts';
import { createContext } from '../resources/context.ts';
import { renderEvent } from '../resources/events/events.ts';
import type { JobRecord, WebhookPolicy } from '../store/machinery.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Tx } from '../store/store.ts';
import { queued } from '../time/runner.ts';
import { createCommands } from './commands.ts';
import { html, type Html, notice, page } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { coverage } from '../contract/coverage.ts';
import { coveragePage } from './room-coverage.ts';
import { eventSection, eventsPage } from './room-events.ts';
import { explainInvoice } from './explanation.ts';
import { explainPage } from './room-explain.ts';
import { faultSection } from './room-faults.ts';
import { dueSections, objectSections } from './room-objects.ts';
import { usageSections } from './room-usage.ts';
import { runSection } from './room-runs.ts';
import { scenarioPages } from './room-scenarios.ts';
import { instant } from './room-parts.ts';

/** The names of the policies, in the order of their buttons. */
const policies: readonly WebhookPolicy[] = ['deliver', 'twice', 'hold', 'drop'];

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

function chaosForm(deps: PageDeps): Html {
  const chaos = deps.controls.chaos.get();
  const field = (name: string, label: string, value: number | string): Html =>
    html`<div>
      <label for="chaos-${name}">${label}</label
      ><input id="chaos-${name}" name="${name}" value="${value}" autocomplete="off" />
    </div>`;
  return html`<details ${chaos === null ? null : html` open`}>
    <summary>Chaos ${chaos === null ? 'is off' : 'is on'}</summary>
    <p class="soft small">Probabilities from 0 to 1, rolled by the seed.</p>
    <form method="post" action="/_sandbox/webhooks/chaos" class="inline">
      ${field('duplicate', 'Duplicate', chaos?.duplicate ?? 0)}${field('reorder', 'Reorder', chaos?.reorder ?? 0)}
      ${field('delay', 'Delay', chaos?.delay ?? 0)}${field('delay_ms', 'Delay by (ms)', chaos?.delay_ms ?? 1_000)}
      ${field('drop', 'Drop', chaos?.drop ?? 0)}${field('truncate', 'Cut the body', chaos?.truncate ?? 0)}
      ${field('api_version', 'Stamped version', chaos?.api_version ?? '')}
      <button>Set</button><button name="off" value="true">Turn off</button>
    </form>
  </details>`;
}

function webhookSection(deps: PageDeps, tx: Tx): Html {
  const held = tx.all('delivery').filter((each) => each.state === 'held').length;
  const current = deps.controls.policy.get();
  const endpoints = tx.all('webhook_endpoint');
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
    ${chaosForm(deps)}
    ${
      endpoints.length === 0
        ? null
        : html`<ul class="rows">
            ${endpoints.map(
              (each) =>
                html`<li>
                  <span>${each.url}<br /><span class="soft small">${each.id}, ${each.status}</span></span>
                  <form method="post" action="/_sandbox/webhooks/roll" class="inline">
                    <input type="hidden" name="overlap_hours" value="24" />
                    <button name="endpoint" value="${each.id}" aria-label="Roll the secret of ${each.url}">
                      Roll secret
                    </button>
                  </form>
                </li>`,
            )}
          </ul>`
    }
  </section>`;
}

const endings = {
  cancel: 'the subscription is canceled',
  past_due: 'it stays past due',
  paused: 'it is paused',
  unpaid: 'it is unpaid, and later invoices stay drafts',
};

function dunningSection(deps: PageDeps): Html {
  const { schedule_days, after_all_fail } = deps.controls.dunning.get();
  return html`<section class="card">
    <h2>Failed payments</h2>
    <form method="post" action="/_sandbox/dunning" class="inline">
      <div>
        <label for="dunning-days">Try again after so many days</label
        ><input id="dunning-days" name="schedule_days" value="${schedule_days.join(', ')}" autocomplete="off" />
      </div>
      <div>
        <label for="dunning-after">When all fail</label
        ><select id="dunning-after" name="after_all_fail">
          ${Object.entries(endings).map(
            ([value, label]) =>
              html`<option value="${value}" ${value === after_all_fail ? html`selected` : null}>${label}</option>`,
          )}
        </select>
      </div>
      <button>Set</button><button name="default" value="true">Default</button>
    </form>
  </section>`;
}

function snapshotSection(snapshots: Map<string, Snapshot>): Html {
  return html`<section class="card">
    <h2>Snapshots</h2>
    <p class="soft small">The whole state, kept until the sandbox stops. Restoring puts the clock back too.</p>
    <form method="post" action="/_sandbox/snapshot" class="inline"><button>Take a snapshot</button></form>
    ${
      snapshots.size === 0
        ? null
        : html`<form method="post" action="/_sandbox/restore" class="inline">
            ${[...snapshots].map(
              ([name, { at_ms }]) =>
                html`<button name="snapshot" value="${name}">Restore ${name}, ${instant(at_ms)}</button>`,
            )}
          </form>`
    }
  </section>`;
}

function room(deps: PageDeps, snapshots: Map<string, Snapshot>): Response {
  const now_ms = deps.clock.now();
  const queue = (clock: string | null): JobRecord[] => queued(deps.store, now_ms, clock);
  return deps.store.read(now_ms, (tx) =>
    page(
      'Control room',
      html`<main class="room">
        <header class="room-head">
          <h1>Control room of ${deps.account_name} <span class="mode">Test mode</span></h1>
          <nav class="inline" aria-label="Pages">
            <a href="/_sandbox/events">Events</a><a href="/_sandbox/scenarios">Scenarios</a
            ><a href="/_sandbox/coverage">Coverage</a><a href="/_sandbox/state">State as JSON</a>
          </nav>
        </header>
        <div class="deck">
          ${runSection(deps.runs)}${clockSection(deps)}${webhookSection(deps, tx)}${dunningSection(deps)}${snapshotSection(snapshots)}
          ${faultSection(deps.controls.faults.list())}${dueSections(tx, queue)}
          ${objectSections(tx, deps.account_name)}${usageSections(tx)}${eventSection(tx)}
        </div>
      </main>`,
    ),
  );
}

function state(deps: PageDeps): object {
  const now_ms = deps.clock.now();
  return deps.store.read(now_ms, (tx) => ({
    now: new Date(now_ms).toISOString(),
    now_ms,
    run: deps.runs.own,
    runs: deps.runs.names(),
    policy: deps.controls.policy.get(),
    chaos: deps.controls.chaos.get(),
    dunning: deps.controls.dunning.get(),
    due: queued(deps.store, now_ms).map(({ at_ms, kind, object_id }) => ({ at_ms, kind, object_id })),
    test_clocks: tx.all('test_clock').map(({ id, name, status, frozen_ms, target_ms }) => ({
      id,
      name,
      status,
      frozen_ms,
      target_ms,
      due: queued(deps.store, now_ms, id).map(({ at_ms, kind, object_id }) => ({ at_ms, kind, object_id })),
    })),
    faults: deps.controls.faults.list(),
    deliveries: tx.all('delivery').map(({ id, event, endpoint, state: is, attempts, next_at_ms }) => ({
      id,
      event,
      type: (tx.get('event', event) ?? tx.get('thin_event', event))?.type ?? null,
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

function json(text: string, status = 200): Response {
  return new Response(text, { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } });
}

/** An object as the API answers it, without a key: the room shows everything anyway. */
function apiAnswer(deps: PageDeps, request: PageRequest): Response {
  const path = `/${request.rest.slice(1).join('/')}`;
  try {
    const { route, id } = findRoute('GET', path);
    return deps.store.read(deps.clock.now(), (tx) => {
      const answer = route.run(createContext(tx, deps.account_name, null), parseForm(request.form.toString()), id);
      return json(serialize(expand(tx, deps.account_name, answer, []), request.origin));
    });
  } catch (cause) {
    if (!(cause instanceof ApiError)) throw cause;
    return json(serialize({ error: cause.body }, request.origin), cause.status);
  }
}

function missing(): Response {
  const back = { href: '/_sandbox', label: 'Control room' };
  return notice('No such page', 'The control room has no such page.', back, 404);
}

/** The control room: the clock, due work, faults, objects, events and webhooks; pages for people, JSON for programs. */
export function controlRoom(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  const snapshots = new Map<string, Snapshot>();
  const command = createCommands(deps, snapshots, policies);
  return async (request) => {
    const path = request.rest.join('/');
    if (path === 'scenarios') return await scenarioPages(deps, request);
    if (request.method === 'POST') return await command(request, path);
    if (path === '') return room(deps, snapshots);
    if (path === 'state') return Response.json(state(deps));
    if (path === 'faults') return Response.json({ data: deps.controls.faults.list() });
    if (path === 'coverage') return request.json ? Response.json(coverage()) : coveragePage();
    const [kind, id = ''] = request.rest;
    if (kind === 'api') return apiAnswer(deps, request);
    return deps.store.read(deps.clock.now(), (tx) => {
      if (path === 'events') return eventsPage(tx, request.form);
      const event = kind === 'events' ? tx.get('event', id) : undefined;
      if (event !== undefined) return json(serialize(renderEvent(tx, event), request.origin));
      const invoice = kind === 'invoices' ? tx.get('invoice', id) : undefined;
      if (invoice === undefined) return missing();
      const as_json = request.json || request.form.get('format') === 'json';
      if (as_json) return json(JSON.stringify(explainInvoice(tx, invoice, deps.account_name)));
      return explainPage(tx, invoice, deps.account_name);
    });
  };
}
