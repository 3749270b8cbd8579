import { coverage } from '../contract/coverage.ts';
import { html } from './html.ts';
import { roomPage } from './room-parts.ts';

type Family = ReturnType<typeof coverage>['families'][number];

/** What of a parameter or a field is not there, with the reason. */
function missing(names: readonly { name: string; reason: string | null }[], what: string) {
  return names.map(
    ({ name, reason }) =>
      html`<li class="soft"><code>${name}</code> <span class="small">${what}: ${reason ?? 'not built yet'}</span></li>`,
  );
}

function familyDetails({ name, built, unbuilt }: Family) {
  return html`<details class="family">
    <summary>
      ${name}: <span class="good">${built.length} built</span>${
        unbuilt.length === 0 ? null : html`, <span class="soft">${unbuilt.length} not</span>`
      }
    </summary>
    <ul class="plain">
      ${built.map(
        ({ route, implemented, inert, refused }) =>
          html`<li>
            <code>${route}</code>
            <span class="small soft"
              >${implemented.length} of ${implemented.length + inert.length + refused.length} parameters</span
            >
            ${
              inert.length + refused.length === 0
                ? null
                : html`<details>
                    <summary class="small">${inert.length} without effect, ${refused.length} refused</summary>
                    <ul class="plain">
                      ${missing(inert, 'without effect')}${missing(refused, 'refused')}
                    </ul>
                  </details>`
            }
          </li>`,
      )}
      ${unbuilt.map(
        ({ name: route, reason }) =>
          html`<li class="soft"><code>${route}</code><br /><span class="small">${reason}</span></li>`,
      )}
    </ul>
  </details>`;
}

/** The coverage as a page. */
export function coveragePage(): Response {
  const { counts, families, objects } = coverage();
  const { routes, params, fields } = counts;
  return roomPage(
    'Coverage',
    html`<p>
        <strong>${routes.built}</strong> of the ${routes.all} routes of the official SDK are built. The others are
        answered with the code <code>unsupported</code>, never with a made-up success. Of the parameters of the built
        ones, those inside others counted too, ${params.implemented} are implemented, ${params.inert} are taken without
        effect and ${params.refused} are refused, with all that is inside them. ${fields.set} of the ${fields.all}
        fields of the objects answered are set.
      </p>
      <h2>Routes and parameters</h2>
      ${families.map(familyDetails)}
      <h2>Fields of answers</h2>
      ${objects.map(
        ({ object, fields: count, unset }) =>
          html`<details class="family">
            <summary><code>${object}</code>: <span class="good">${count - unset.length} of ${count}</span></summary>
            <ul class="plain">
              ${missing(unset, 'never set')}
            </ul>
          </details>`,
      )}`,
  );
}
