import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** Rules about the tree that no linter knows. Each says why; what is only taste stands in STYLE.md. */

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => /\.(ts|tsx)$/.test(file) && !file.endsWith('.d.ts') && !file.includes('/dist/'));
const sources = new Map(files.flatMap((file) => readIfThere(file)));
const isTest = (file: string) =>
  /\.test\.tsx?$/.test(file) || /(^|\/)test\//.test(file) || /^(drills|bench)\//.test(file);
const code = [...sources.keys()].filter((file) => !isTest(file));
const server = code.filter((file) => file.startsWith('packages/server/src/'));

/** Written by a tool from something else that is checked. */
const generated = new Set(['packages/server/src/db/tables.ts', 'packages/sdk/src/operations.ts']);

/** Who may know whom inside the server: folder or file → folders and files it may import. `*` is everything. */
const tools = ['lib', 'db', 'queue', 'counter', 'mail', 'http'];
const slice = ['lib', 'db', 'queue', 'http', 'ports', 'problem'];
const arrows: Record<string, readonly string[] | '*'> = {
  lib: ['ports'],
  ports: [],
  problem: [],
  config: ['lib', 'roles'],
  roles: [],
  db: ['lib', 'ports'],
  queue: ['lib', 'db', 'ports'],
  counter: ['lib', 'ports'],
  mail: ['lib', 'db', 'ports'],
  http: ['lib', 'ports', 'problem'],
  accounts: slice,
  customers: slice,
  plans: slice,
  notices: [...slice, 'mail'],
  intents: slice,
  keys: [...slice, 'customers'],
  usage: [...slice, 'customers', 'plans', 'subscriptions'],
  subscriptions: [...slice, 'customers', 'plans', 'intents'],
  invoices: [...slice, 'customers', 'subscriptions', 'intents'],
  entitlements: [...slice, 'customers', 'plans', 'subscriptions', 'usage'],
  credits: [...slice, 'intents'],
  replies: slice,
  'payment-methods': [...slice, 'intents'],
  gate: ['lib', 'db', 'http', 'ports', 'problem'],
  proxy: [...slice, 'gate'],
  analytics: slice,
  stripe: [...slice, 'customers', 'credits', 'intents', 'plans', 'subscriptions', 'invoices', 'usage'],
  cli: '*',
  app: '*',
  slices: '*',
  proxying: '*',
  selling: '*',
  alerting: '*',
  renewing: '*',
  operating: '*',
  keeping: '*',
  crediting: '*',
  explaining: '*',
  gating: '*',
  telling: '*',
  routes: '*',
  main: '*',
};

/** A package with one place that may name it: what changes in it is met in one room. */
const namers: Record<string, readonly string[]> = {
  stripe: ['packages/server/src/stripe/', 'packages/sandbox/'],
  hono: [
    'packages/server/src/http/',
    'packages/server/src/routes.ts',
    'packages/server/src/app.ts',
    'packages/server/src/*/routes.ts',
    'packages/server/src/stripe/webhook.ts',
    'packages/server/src/accounts/',
    'packages/server/src/usage/live.ts',
    'packages/server/src/notices/pages.ts',
  ],
  kysely: [
    'packages/server/src/db/',
    'packages/server/src/queue/',
    'packages/server/src/*/store.ts',
    'packages/server/src/*/*/store.ts',
    'packages/server/src/*/queries.ts',
    'packages/server/src/usage/',
    'packages/server/src/gate/snapshot.ts',
    'packages/server/src/mail/inbox.ts',
  ],
  pg: ['packages/server/src/db/', 'packages/server/src/queue/'],
  'pg-boss': ['packages/server/src/queue/'],
  '@redis/client': ['packages/server/src/counter/'],
  'better-auth': ['packages/server/src/accounts/', 'packages/web/'],
  nodemailer: ['packages/server/src/mail/'],
  '@farebox/sandbox': ['packages/server/src/cli/dev.ts'],
};

const bannedWords: [RegExp, string][] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'finish it, or open an issue'],
  [/coming soon|not implemented/i, 'build it, or leave it out'],
  [/\bas any\b|: any\b|@ts-ignore|@ts-expect-error|as unknown as/, 'say the type'],
  [/catch *(\([^)]*\))? *\{ *\}/, 'an error is handled or passed on'],
];

test('every file lies where a reader looks for it: no drawers for leftovers, kebab-case names', () => {
  const faults = [...sources.keys()].filter(
    (file) =>
      /(^|\/)(utils?|helpers?|common|misc|shared|types)(\/|\.tsx?$)/.test(file) ||
      (/(^|\/)index\.tsx?$/.test(file) && !/^packages\/[a-z]+\/src\/index\.ts$/.test(file)) ||
      (!file.endsWith('.tsx') && /[A-Z]/.test(file.split('/').at(-1) ?? '')),
  );
  expect(faults).toEqual([]);
});

test('a file is read in one sitting: at most 400 lines, tests 600', () => {
  const faults = [...sources]
    .filter(([file, text]) => !generated.has(file) && text.split('\n').length > (isTest(file) ? 600 : 400))
    .map(([file, text]) => `${file}: ${text.split('\n').length} lines`);
  expect(faults).toEqual([]);
});

test('a function is seen at once: at most 70 lines; a factory counts by the functions it holds', () => {
  const faults: string[] = [];
  for (const file of code.filter((name) => name.startsWith('packages/') && !name.endsWith('/conformance.ts'))) {
    const lines = (sources.get(file) ?? '').split('\n');
    for (const [index, line] of lines.entries()) {
      // The formatter closes a block at the indentation it was opened at.
      const opened = /^(\s*)(?:export )?(?:default )?(?:async )?(?:function\*? ?(\w*)|(\w+)(?=\([^;=]*\{$))/.exec(line);
      const name = opened?.[2] ?? opened?.[3] ?? '';
      if (opened === null || /^create[A-Z]|^(if|for|while|switch|catch|describe)$/.test(name)) continue;
      const end = lines.findIndex((later, at) => at > index && later.startsWith(`${opened[1]}}`));
      if (end - index > 70) faults.push(`${file}:${index + 1} ${name}: ${end - index} lines`);
    }
  }
  expect(faults).toEqual([]);
});

test('rooms know only the rooms they may: the arrows of ARCHITECTURE.md', () => {
  const faults: string[] = [];
  for (const file of server) {
    const from = roomOf(file);
    const allowed = arrows[from];
    if (allowed === undefined) faults.push(`${file}: the room "${from}" is not in the arrow table`);
    if (allowed === undefined || allowed === '*') continue;
    for (const target of imports(file).flatMap((name) =>
      name.startsWith('.') ? [normalize(join(dirname(file), name))] : [],
    )) {
      if (!target.startsWith('packages/server/src/')) faults.push(`${file} reaches out of the package: ${target}`);
      const to = roomOf(target);
      if (to !== from && !allowed.includes(to)) faults.push(`${file} knows ${to}`);
      if (to === 'http' && !tools.includes(from) && !mayNameHttp(file))
        faults.push(`${file} knows HTTP: of a slice only routes.ts and schema.ts do, and pages, streams and webhooks`);
    }
  }
  expect(faults).toEqual([]);
});

test('packages point one way: core under everything, the sandbox apart, web and react over HTTP only', () => {
  const allowed: Record<string, readonly string[]> = {
    core: [],
    sandbox: [],
    sdk: ['@farebox/core'],
    emails: ['@farebox/core'],
    web: ['@farebox/core'],
    server: ['@farebox/core', '@farebox/emails', '@farebox/sandbox'],
  };
  const faults: string[] = [];
  for (const file of code.filter((name) => name.startsWith('packages/'))) {
    const home = file.split('/')[1] ?? '';
    for (const name of imports(file))
      if (name.startsWith('@farebox/') && !allowed[home]?.includes(name)) faults.push(`${file} imports ${name}`);
  }
  expect(faults).toEqual([]);
});

test('what can change under us is named in one place', () => {
  const faults: string[] = [];
  for (const file of code.filter((name) => name.startsWith('packages/'))) {
    for (const name of imports(file)) {
      const owner = Object.keys(namers).find((key) => name === key || name.startsWith(`${key}/`));
      if (owner !== undefined && !namers[owner]?.some((place) => matches(file, place)))
        faults.push(`${file} names ${owner}`);
    }
  }
  expect(faults).toEqual([]);
});

test('core is pure: no import from outside, no clock, no chance, no process', () => {
  const faults: string[] = [];
  for (const file of code.filter((name) => name.startsWith('packages/core/src/'))) {
    const text = stripComments(sources.get(file) ?? '');
    for (const name of imports(file)) if (!name.startsWith('.')) faults.push(`${file} imports ${name}`);
    if (/Date\.now|new Date\(\)|Math\.random|\bprocess\.|\bcrypto\b|\basync\b/.test(text))
      faults.push(`${file} is not pure`);
  }
  expect(faults).toEqual([]);
});

test('time, chance and the environment have one door each', () => {
  const faults: string[] = [];
  for (const file of code.filter((name) => /^packages\/(server|sdk|emails|sandbox)\/src\//.test(name))) {
    const text = stripComments(sources.get(file) ?? '');
    const isClock = /\/(lib|time)\/clock\.ts$/.test(file);
    if (!isClock && /Date\.now\(|new Date\(\)/.test(text)) faults.push(`${file} reads the clock`);
    if (/Math\.random/.test(text)) faults.push(`${file} draws chance that is not for secrets`);
    if (!file.endsWith('/config.ts') && /process\.env\b/.test(text)) faults.push(`${file} reads the environment`);
  }
  expect(faults).toEqual([]);
});

test('nothing is left for later and nothing is hidden from the type checker', () => {
  const faults: string[] = [];
  for (const [file, text] of sources) {
    if (file === 'test/tidy.test.ts' || generated.has(file)) continue;
    for (const [pattern, instead] of bannedWords)
      if (pattern.test(text)) faults.push(`${file}: ${pattern.source} (${instead})`);
    if (isTest(file) && /\.(only|todo)\(|expect\(true\)/.test(text))
      faults.push(`${file}: a test that is focused, empty or cannot fail`);
    if (isTest(file) && /setTimeout\([^)]*[0-9]{3,}|sleep\([0-9]{3,}/.test(text))
      faults.push(`${file}: a test that sleeps`);
  }
  expect(faults).toEqual([]);
});

test('a test meets the program only through what holds its answers against the document', () => {
  // A worker takes jobs and answers nobody.
  const doors = ['harness', 'whole-app', 'slice-app', 'subscribers', 'program', 'worker'].map((name) => `${name}.ts`);
  const inside = /\/src\/(app|routes|main|cli\/(boot|dev|serve))\.ts$|\/whole-app\.ts$/;
  const faults = [...sources.keys()]
    .filter((file) => isTest(file) && !/^(drills|bench)\//.test(file))
    .filter((file) => !doors.some((door) => file === `packages/server/test/${door}`))
    .filter((file) => imports(file).some((name) => inside.test(name)));
  expect(faults).toEqual([]);
});

test('a program that a test starts holds no end of the test’s output: a run waits for whoever does', () => {
  const faults = [...sources]
    .filter(([file]) => isTest(file) && !/^(drills|bench)\//.test(file) && file !== 'test/tidy.test.ts')
    .filter(([, text]) => /'inherit'/.test(text) || /\bfork\((?![^;]*\bsilent: true)/.test(text))
    .map(([file]) => `${file}: pipe what it prints`);
  expect(faults).toEqual([]);
});

test('money is never divided by a hundred by hand', () => {
  const faults = code.filter(
    (file) =>
      /^packages\/(core|server|web|emails)\/src/.test(file) &&
      /(amount|price|minor|cost)\w*\s*\/\s*100\b|\*\s*100\b.*(amount|price)/.test(
        stripComments(sources.get(file) ?? ''),
      ),
  );
  expect(faults).toEqual([]);
});

test('every source file is reached from an entry', () => {
  const imported = new Set(
    [...sources.keys()].flatMap((file) =>
      imports(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => normalize(join(dirname(file), name))),
    ),
  );
  const entries = [
    /^packages\/[a-z]+\/src\/(index|main|command|node|express|fastify|hono|next|landing)\.tsx?$/,
    /^packages\/web\//,
    /^packages\/[a-z]+\/scripts\//,
    /^[a-z.-]+\.ts$/,
    /^examples\//,
    /^scripts\//,
    /^(drills|bench)\//,
  ];
  const faults = code.filter((file) => !imported.has(file) && !entries.some((entry) => entry.test(file)));
  expect(faults).toEqual([]);
});

function readIfThere(file: string): [string, string][] {
  try {
    return [[file, readFileSync(file, 'utf8')]];
  } catch (error) {
    // A file that git still lists while it is being moved is not there to be read.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function roomOf(file: string): string {
  return (file.replace('packages/server/src/', '').split('/')[0] ?? '').replace(/\.ts$/, '');
}

function mayNameHttp(file: string): boolean {
  return (
    /\/(routes|schema|webhook|live|pages|door)\.ts$/.test(file) ||
    roomOf(file) === 'accounts' ||
    ['app', 'routes', 'cli', 'proxy', 'proxying'].includes(roomOf(file))
  );
}

function matches(file: string, place: string): boolean {
  const pattern = place.replaceAll('.', '\\.').replaceAll('*', '[^/]+');
  return new RegExp(`^${pattern}${place.endsWith('/') ? '' : '$'}`).test(file);
}

/** Static, dynamic and type imports alike: an arrow is an arrow. */
function imports(file: string): string[] {
  const text = sources.get(file) ?? '';
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

function stripComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');
}
