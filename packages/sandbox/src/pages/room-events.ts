import type { DeliveryRecord, DeliveryState, EventRecord } from '../store/machinery.ts';
import type { Tx } from '../store/store.ts';
import { html, type Html } from './html.ts';
import { instant, newest, roomPage, SHOWN, table } from './room-parts.ts';

const states: readonly DeliveryState[] = ['pending', 'held', 'delivered', 'failed', 'dropped'];

const tone: Record<DeliveryState, string> = {
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

function idOf(event: EventRecord): string {
  return typeof event.object['id'] === 'string' ? event.object['id'] : '';
}

function eventTable(tx: Tx, events: EventRecord[], above: Html): Html {
  const deliveries = tx.all('delivery');
  return table(
    'Events',
    ['At (UTC)', 'Type', 'Object', 'Deliveries'],
    events.map(
      (event) =>
        html`<tr>
          <td>${instant(event.created * 1000)}</td>
          <td><a href="/_sandbox/events/${event.id}">${event.type}</a></td>
          <td><a href="/_sandbox/events?object=${idOf(event)}">${idOf(event)}</a></td>
          <td>${deliveries.filter((each) => each.event === event.id).map(deliveryText)}</td>
        </tr>`,
    ),
    above,
  );
}

/** The newest events, with a way to all of them. */
export function eventSection(tx: Tx): Html {
  return eventTable(
    tx,
    newest(tx.all('event')),
    html`<p><a href="/_sandbox/events">Event and delivery log with filters</a></p>`,
  );
}

const PAGE = SHOWN * 4;

/** The log of events and deliveries, filtered by type, object, request and state of delivery. */
export function eventsPage(tx: Tx, form: URLSearchParams): Response {
  const type = form.get('type')?.trim() ?? '';
  const object = form.get('object')?.trim() ?? '';
  const asked = form.get('request')?.trim() ?? '';
  const state = states.find((each) => each === form.get('delivery')) ?? null;
  const with_state = new Set(tx.all('delivery').flatMap((each) => (each.state === state ? [each.event] : [])));
  const wanted = tx.all('event').filter((event) => {
    if (type !== '' && !event.type.startsWith(type.replace(/\*$/, ''))) return false;
    if (object !== '' && idOf(event) !== object) return false;
    if (asked !== '' && event.request_id !== asked) return false;
    return state === null || with_state.has(event.id);
  });
  const filters = html`<form method="get" action="/_sandbox/events" class="inline">
      <div>
        <label for="type">Type begins with</label
        ><input id="type" name="type" class="wide" value="${type}" placeholder="invoice." />
      </div>
      <div>
        <label for="object">Object</label
        ><input id="object" name="object" class="wide" value="${object}" placeholder="sub_…" />
      </div>
      <div>
        <label for="request">Request</label
        ><input id="request" name="request" class="wide" value="${asked}" placeholder="req_…" />
      </div>
      <div>
        <label for="delivery">Delivery</label
        ><select id="delivery" name="delivery">
          <option value="">any</option>
          ${states.map(
            (each) => html`<option value="${each}" ${each === state ? html` selected` : null}>${each}</option>`,
          )}
        </select>
      </div>
      <button>Filter</button>
    </form>
    <p class="soft small">${wanted.length} found${wanted.length > PAGE ? `, the ${PAGE} newest are shown` : ''}.</p>`;
  return roomPage('Event and delivery log', eventTable(tx, wanted.slice(-PAGE).toReversed(), filters));
}
