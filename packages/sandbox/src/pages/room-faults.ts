import { type FaultWish, faultFlaw, faultTypes, meterCodes, reasons } from '../faults/faults.ts';
import type { FaultRecord } from '../store/machinery.ts';
import { html, type Html } from './html.ts';
import { table } from './room-parts.ts';

function number(form: URLSearchParams, name: string): number | undefined {
  const value = form.get(name)?.trim() ?? '';
  return value === '' ? undefined : Number(value);
}

function text(form: URLSearchParams, name: string): string | undefined {
  const value = form.get(name)?.trim() ?? '';
  return value === '' || value === 'null' ? undefined : value;
}

/** Reads a fault from a form or from JSON; a text says what is wrong with it. `times` may be `null` or `always`. */
export function readFault(form: URLSearchParams): FaultWish | string {
  const type = faultTypes.find((each) => each === form.get('type'));
  if (type === undefined) return `The type of a fault is one of ${faultTypes.join(', ')}.`;
  const times = form.get('times');
  const [route, card, decline_code, meter_code, reason, when, retry] = [
    'route',
    'card',
    'decline_code',
    'meter_code',
    'reason',
    'when',
    'should_retry',
  ].map((name) => text(form, name));
  const probability = number(form, 'probability');
  const hold_ms = number(form, 'hold_ms');
  const count = times === 'null' || times === 'always' ? null : number(form, 'times');
  if (when !== undefined && when !== 'before' && when !== 'after') return '`when` is before or after.';
  const wish: FaultWish = {
    type,
    ...(route === undefined ? {} : { route }),
    ...(card === undefined ? {} : { card }),
    ...(decline_code === undefined ? {} : { decline_code }),
    ...(meter_code === undefined ? {} : { meter_code: meter_code as FaultWish['meter_code'] & string }),
    ...(reason === undefined ? {} : { reason }),
    ...(when === undefined ? {} : { when }),
    ...(form.get('should_retry') === 'null' ? { should_retry: null } : {}),
    ...(retry === undefined ? {} : { should_retry: retry === 'true' }),
    ...(count === undefined ? {} : { times: count }),
    ...(probability === undefined ? {} : { probability }),
    ...(hold_ms === undefined ? {} : { hold_ms }),
  };
  return faultFlaw(wish) ?? wish;
}

function described(fault: FaultRecord): string {
  const parts = [
    fault.type === 'decline' ? fault.decline_code : null,
    fault.type === 'meter_error' ? fault.meter_code : null,
    fault.card === null ? null : `card ${fault.card}`,
    fault.when === 'after' ? 'after the commit' : null,
    fault.probability === 1 ? null : `${Math.round(fault.probability * 100)} %`,
    fault.type === 'rate_limit' ? fault.reason : null,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

function form(): Html {
  return html`<form method="post" action="/_sandbox/faults" class="inline">
    <div>
      <label for="fault-type">Fault</label
      ><select id="fault-type" name="type">
        ${faultTypes.map((type) => html`<option value="${type}">${type.replaceAll('_', ' ')}</option>`)}
      </select>
    </div>
    <div>
      <label for="fault-route">Route</label
      ><input id="fault-route" name="route" class="wide" placeholder="every route" autocomplete="off" />
    </div>
    <div>
      <label for="fault-card">Card (declines)</label
      ><input id="fault-card" name="card" placeholder="every card" autocomplete="off" />
    </div>
    <div>
      <label for="fault-when">When</label
      ><select id="fault-when" name="when">
        <option value="before">before it runs</option>
        <option value="after">after the commit</option>
      </select>
    </div>
    <div>
      <label for="fault-times">Times, or always</label
      ><input id="fault-times" name="times" value="1" autocomplete="off" />
    </div>
    <details class="more">
      <summary>More</summary>
      <div class="inline">${moreFields()}</div>
    </details>
    <button>Add fault</button>
  </form>`;
}

function choice(name: string, label: string, first: string, values: readonly string[]): Html {
  return html`<div>
    <label for="fault-${name}">${label}</label
    ><select id="fault-${name}" name="${name}">
      <option value="">${first}</option>
      ${values.map((value) => html`<option>${value}</option>`)}
    </select>
  </div>`;
}

/** What belongs to one type of fault only; left alone, it says nothing. */
function moreFields(): Html {
  const field = (name: string, label: string, placeholder: string): Html =>
    html`<div>
      <label for="fault-${name}">${label}</label
      ><input id="fault-${name}" name="${name}" placeholder="${placeholder}" autocomplete="off" />
    </div>`;
  return html`${field('probability', 'Chance, to 1', '1')}${field('decline_code', 'Decline code', 'generic_decline')}
  ${choice('reason', 'Reason of a 429', 'global-rate', reasons.slice(1))}
  ${choice('should_retry', 'Header to retry', 'as Stripe', ['true', 'false'])}
  ${field('hold_ms', 'Timeout (ms)', '90000')} ${choice('meter_code', 'Meter error', 'customer not found', meterCodes)}`;
}

/** The faults to come, and a form for more. */
export function faultSection(faults: FaultRecord[]): Html {
  const rows = faults.map(
    (fault) =>
      html`<tr>
        <td>${fault.type.replaceAll('_', ' ')}</td>
        <td>${fault.route ?? 'every route'}</td>
        <td>${described(fault)}</td>
        <td>${fault.times === null ? 'until cleared' : fault.times === 0 ? 'used up' : `${fault.times} left`}</td>
        <td class="num">${fault.struck} of ${fault.seen}</td>
        <td>
          <form method="post" action="/_sandbox/faults/clear">
            <button name="id" value="${fault.id}" aria-label="Clear fault ${fault.id}">Clear</button>
          </form>
        </td>
      </tr>`,
  );
  return table('Faults', ['Fault', 'Route', 'More', 'Strikes', 'Struck', 'Remove'], rows, form());
}
