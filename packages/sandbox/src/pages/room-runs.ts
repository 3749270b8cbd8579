import { keyOf, runOf } from '../http/authenticate.ts';
import type { Command } from './commands.ts';
import { html, type Html, redirect } from './html.ts';
import type { RunList } from './pages.ts';

const COOKIE = 'sandbox_run';

/** The run that a request to the control room is about: by its key, its address or what was last chosen in the browser. */
export function runOfRoom(request: Request): string {
  const key = keyOf(request.headers.get('authorization') ?? '');
  if (key !== '') return runOf(key);
  const asked = new URL(request.url).searchParams.get('run');
  if (asked !== null) return asked;
  const cookies = (request.headers.get('cookie') ?? '').split(/;\s*/);
  const chosen = cookies.find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
  // A browser may remember a run whose name is none any more; it starts with the shared account.
  return /^\w{1,40}$/.test(chosen) ? chosen : '';
}

/** Which run is shown, and the way to the others. */
export function runSection(runs: RunList): Html {
  const names = ['', ...runs.names()];
  return html`<section class="card">
    <h2>Runs</h2>
    <p class="soft small">
      The key <code>sk_test_run_&lt;name&gt;</code> has an account of its own; every other test key opens the shared
      one.
    </p>
    <form method="post" action="/_sandbox/runs" class="inline">
      ${names.map(
        (name) =>
          html`<button
            name="run"
            value="${name}"
            ${name === runs.own ? html` class="on" aria-pressed="true"` : html` aria-pressed="false"`}
          >
            ${name === '' ? 'Shared' : name}
          </button>`,
      )}
    </form>
    ${
      runs.own === ''
        ? null
        : html`<form method="post" action="/_sandbox/runs/end" class="inline">
            <button name="run" value="${runs.own}">End ${runs.own}</button>
          </form>`
    }
  </section>`;
}

/** Remembers in the browser which run it looks at. */
export function switched(form: URLSearchParams): Response {
  const response = redirect('/_sandbox');
  response.headers.set('set-cookie', `${COOKIE}=${form.get('run') ?? ''}; Path=/_sandbox; HttpOnly; SameSite=Strict`);
  return response;
}

/** Opening and ending runs. */
export function runCommands(runs: RunList): Record<string, Command> {
  return {
    async runs(form) {
      const run = form.get('run') ?? '';
      await runs.open(run);
      return { run: run.toLowerCase(), runs: runs.names() };
    },
    async 'runs/end'(form) {
      const run = form.get('run') ?? '';
      return (await runs.end(run)) ? { ended: run, runs: runs.names() } : 'There is no such run.';
    },
  };
}
