import { shippedScenarios } from '../package-files.ts';
import { runScenario, type ScenarioResult } from '../scenario/run.ts';
import { readScenario, ScenarioFlaw } from '../scenario/scenario.ts';
import { sandboxWorld } from '../scenario/world.ts';
import { html, type Html } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { jsonLink, roomPage } from './room-parts.ts';

/** What was asked to be run: a document, or the name of one that comes with the package. */
async function documentOf({ body, form }: PageRequest): Promise<unknown> {
  const name = form.get('shipped');
  if (name !== null) {
    const found = (await shippedScenarios()).get(name);
    if (found === undefined) throw new ScenarioFlaw(null, 'shipped', `There is no scenario "${name}" in the package.`);
    return found;
  }
  if (body !== null) return body;
  try {
    return JSON.parse(form.get('scenario') ?? '');
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ScenarioFlaw(null, '', `The scenario is not JSON: ${cause.message}`);
  }
}

/** Where an answered object is looked at. */
function link(path: string, id: string): Html {
  if (id.startsWith('in_')) return html`<a href="/_sandbox/invoices/${id}">${id}</a>`;
  const collection = /^POST (\/v1\/[a-z_/]+?)(?:\/[^/]+)*$/.exec(path)?.[1] ?? '';
  return collection === '' ? html`${id}` : jsonLink(`${collection}/${id}`, id);
}

function steps(result: ScenarioResult): Html {
  return html`<ol class="plain steps">
    ${result.steps.map(
      (step) =>
        html`<li>
          <span class="good" aria-hidden="true">✓</span> <span>${step.step}. ${step.what}</span>
          ${step.id === null ? null : html`<span class="soft small">${link(step.what, step.id)}</span>`}
        </li>`,
    )}
    ${
      result.failure === null
        ? null
        : html`<li>
            <span class="bad" aria-hidden="true">✗</span> <strong>Step ${result.failure.step} failed</strong>
            <p>${result.failure.message}</p>
            <p class="soft small"><code>${result.failure.path}</code></p>
          </li>`
    }
  </ol>`;
}

function outcome(result: ScenarioResult): Html {
  return html`<section class="card" aria-labelledby="outcome">
    <h2 id="outcome">${result.name}: ${result.passed ? 'passed' : 'failed'}</h2>
    <p class="soft small">${result.steps.length} of ${result.of_steps} steps. What they made stays in this account.</p>
    ${steps(result)}
  </section>`;
}

/** A form for a scenario of one's own, and a button for each that comes along. */
async function forms(text: string, flaw: string | null): Promise<Html> {
  const shipped = [...(await shippedScenarios())].map(([file, document]) => ({ file, ...readScenario(document) }));
  return html`<section class="card" aria-labelledby="shipped">
      <h2 id="shipped">Examples</h2>
      <form method="post" action="/_sandbox/scenarios">
        <ul class="plain">
          ${shipped.map(
            ({ file, name, steps: all }) =>
              html`<li class="between">
                <span>${name}<br /><span class="soft small">${all.length} steps, ${file}.json</span></span>
                <button name="shipped" value="${file}" aria-label="Run ${name}">Run</button>
              </li>`,
          )}
        </ul>
      </form>
    </section>
    <section class="card" aria-labelledby="own">
      <h2 id="own">One of your own</h2>
      ${flaw === null ? null : html`<p class="error" role="alert" id="flaw">${flaw}</p>`}
      <form method="post" action="/_sandbox/scenarios">
        <label for="scenario">Scenario, as JSON</label>
        <textarea
          id="scenario"
          name="scenario"
          rows="14"
          spellcheck="false"
          class="code"
          required
          ${flaw === null ? null : html`aria-invalid="true" aria-describedby="flaw"`}
        >
${text}</textarea>
        <p><button class="primary">Run</button></p>
      </form>
    </section>`;
}

const EXAMPLE = `{
  "name": "A customer",
  "steps": [
    { "call": "POST /v1/customers", "with": { "name": "Ada" }, "as": "customer" },
    { "call": "GET /v1/customers/\${customer.id}", "expect": { "name": "Ada" } }
  ]
}`;

function told(flaw: ScenarioFlaw): string {
  const place = flaw.path === '' ? '' : ` (${flaw.path})`;
  return `${flaw.step === null ? '' : `Step ${flaw.step}: `}${flaw.message}${place}`;
}

/** `GET` shows what can be run, `POST` runs it: in this account, whose state stays. */
export async function scenarioPages(deps: PageDeps, request: PageRequest): Promise<Response> {
  const { run, fetch } = deps;
  if (request.method !== 'POST') {
    const names = [...(await shippedScenarios()).keys()];
    if (request.json) return Response.json({ shipped: names });
    return roomPage('Scenarios', await forms(EXAMPLE, null));
  }
  try {
    const scenario = readScenario(await documentOf(request));
    const result = await runScenario(scenario, sandboxWorld(run, fetch, request.origin, 'sk_test_scenario'));
    if (request.json) return Response.json(result, { status: result.passed ? 200 : 422 });
    return roomPage('Scenarios', html`${outcome(result)}${await forms(request.form.get('scenario') ?? EXAMPLE, null)}`);
  } catch (cause) {
    if (!(cause instanceof ScenarioFlaw)) throw cause;
    if (request.json) {
      const { message, path, step } = cause;
      return Response.json({ error: { message, path, step } }, { status: 400 });
    }
    return roomPage('Scenarios', await forms(request.form.get('scenario') ?? EXAMPLE, told(cause)), 400);
  }
}
