import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const readme = readFileSync('README.md', 'utf8');
const ci = readFileSync('.ci/run', 'utf8');
const scripts: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts;

/** Commands a reader is asked to run: what stands in `sh` blocks and, in the text, what starts with `npm run`. */
const commands = [
  ...[...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? '').trim().split('\n')),
  ...[...readme.matchAll(/`(npm run [a-z:]+)/g)].map((match) => match[1] ?? ''),
];

test('the README asks for two commands and no other set-up', () => {
  expect(commands.slice(0, 2)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
});

test('every npm script the README names exists', () => {
  const named = commands
    .flatMap((command) => [...command.matchAll(/npm (?:run )?([a-z:]+)/g)].map((match) => match[1] ?? ''))
    .filter((name) => name !== 'ci');
  expect(named.length).toBeGreaterThan(2);
  for (const name of named) expect(scripts, `npm run ${name}`).toHaveProperty(name);
});

test('CI runs what the README says: a clean install, then the tests; npm start is driven by the journey in the browser', () => {
  expect(ci).toMatch(/^within \d+ npm ci$/m);
  expect(ci).toMatch(/^within \d+ npm test -- /m);
  expect(ci).toMatch(/^within \d+ npm run check$/m);
  expect(readFileSync('packages/server/test/program.ts', 'utf8')).toContain(
    scripts['start']?.replace('node ', '').split(' ').at(-2),
  );
});

test('every file the README links to exists', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
  for (const link of links) expect(() => readFileSync(link), link).not.toThrow(/ENOENT/);
});

test('.env.example names every variable the program reads, and no other', () => {
  const config = ['config', 'roles'].map((name) => readFileSync(`packages/server/src/${name}.ts`, 'utf8')).join('\n');
  const read = new Set(
    [...config.matchAll(/(?:text|portOf|urlOf|numberOf|days)\('([A-Z_]+)'/g)].map((match) => match[1]),
  );
  const example = new Set(
    [...readFileSync('.env.example', 'utf8').matchAll(/^# ([A-Z_]+)=/gm)].map((match) => match[1]),
  );
  expect(example).toEqual(read);
});
