import { unbuiltRoutes } from '../contract/contract.ts';
import { builtRoutes } from '../http/routes.ts';
import { html } from './html.ts';
import { roomPage } from './room-parts.ts';

/** Why families of routes are not built; the first that fits a path tells. */
const reasons: readonly [RegExp, string][] = [
  [
    /^\/v1\/(issuing|treasury|financial_connections|forwarding|crypto)\b/,
    'Moving and holding money for others is another business.',
  ],
  [
    /^\/v1\/(accounts|account_|application_fees|transfers|payouts|topups|linked_accounts|country_specs|balance)/,
    'Connect and payouts: no money arrives, so none is paid out.',
  ],
  [/^\/v1\/terminal\b/, 'Card readers.'],
  [
    /^\/v1\/(identity|radar|reviews|reporting|sigma|climate|apps|entitlements)\b/,
    'A product of its own beside billing.',
  ],
  [
    /^\/v1\/(sources|tokens|external_accounts|ephemeral_keys|mandates|payment_records|confirmation_tokens)\b/,
    'For other ways to pay than cards, or for mobile apps.',
  ],
  [
    /^\/v1\/customers\/\{id\}\/(sources|bank_accounts|cards|cash_balance|funding_instructions|cash_balance_transactions)/,
    'Older or other ways to pay than cards.',
  ],
  [
    /^\/v1\/test_helpers\/(issuing|treasury|terminal|customers|refunds|confirmation_tokens)/,
    'Helpers for what is not built.',
  ],
  [/^\/v2\/core\/(accounts|account_|batch_jobs|claimable|vault)/, 'Connect.'],
  [
    /^\/v2\/(money_management|payments|tax|test_helpers|commerce|iam|reporting|extend|network|orchestrated)/,
    'A product of its own beside billing.',
  ],
];

const OPEN = 'Not built.';

interface Family {
  name: string;
  built: string[];
  unbuilt: { route: string; reason: string }[];
}

function familyOf(route: string): string {
  const path = route.slice(route.indexOf(' ') + 1);
  const [, version = '', first = '', second] = path.split('/');
  const nested = [
    'billing',
    'billing_portal',
    'checkout',
    'test_helpers',
    'core',
    'issuing',
    'treasury',
    'tax',
    'terminal',
  ];
  const name = nested.includes(first) && second !== undefined ? `${first}/${second}` : first;
  return version === 'v1' ? name : `${version}/${name}`;
}

function reasonOf(route: string): string {
  const path = route.slice(route.indexOf(' ') + 1);
  return reasons.find(([pattern]) => pattern.test(path))?.[1] ?? OPEN;
}

/** Every route the official SDK knows, by family: built, or why not. */
export function coverage(): { built: number; unbuilt: number; families: Family[] } {
  const families = new Map<string, Family>();
  const family = (route: string): Family => {
    const name = familyOf(route);
    const found = families.get(name) ?? { name, built: [], unbuilt: [] };
    families.set(name, found);
    return found;
  };
  for (const route of builtRoutes) family(route).built.push(route);
  for (const route of unbuiltRoutes) family(route).unbuilt.push({ route, reason: reasonOf(route) });
  const sorted = [...families.values()].toSorted(
    (a, b) => Number(b.built.length > 0) - Number(a.built.length > 0) || a.name.localeCompare(b.name),
  );
  return { built: builtRoutes.length, unbuilt: unbuiltRoutes.length, families: sorted };
}

/** The coverage as a page. */
export function coveragePage(): Response {
  const { built, unbuilt, families } = coverage();
  return roomPage(
    'Coverage',
    html`<p>
        <strong>${built}</strong> of the ${built + unbuilt} routes of the official SDK are built. The others are
        answered with the code <code>unsupported</code>, never with a made-up success.
      </p>
      ${families.map(
        ({ name, built: own, unbuilt: missing }) =>
          html`<details class="family">
            <summary>
              ${name}: <span class="good">${own.length} built</span>${
                missing.length === 0 ? null : html`, <span class="soft">${missing.length} not</span>`
              }
            </summary>
            <ul class="plain">
              ${own.map((route) => html`<li><code>${route}</code></li>`)}
              ${missing.map(
                ({ route, reason }) =>
                  html`<li class="soft"><code>${route}</code><br /><span class="small">${reason}</span></li>`,
              )}
            </ul>
          </details>`,
      )}`,
  );
}
