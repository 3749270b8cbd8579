import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** Pages of failures, with how many each has. */
const pages: [file: string, rows: number][] = [
  ['docs/failures-of-billing.md', 36],
  ['docs/failures-of-usage.md', 24],
  ['docs/failures-of-limits.md', 25],
];

describe.each(pages)('%s', (file, count) => {
  const page = readFileSync(file, 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map((match) => ({
    number: Number(match[1]),
    cells: (match[2] ?? '').split(' | '),
  }));
  /** A test by its file and its name, as the page links to it. */
  const named = [...page.matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\): \*([^*]+)\*/g)].map((match) => ({
    file: match[1] ?? '',
    name: match[2] ?? '',
  }));

  test('every failure has its row: what happened, why not here, and something that shows it', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    for (const { number, cells } of rows) {
      expect(cells, `row ${number}`).toHaveLength(3);
      expect(cells[2], `row ${number}`).toMatch(/\.test\.ts\): \*|`npm run drill:/);
    }
  });

  test('every test that is named there is one', () => {
    expect(named.length).toBeGreaterThan(count);
    for (const each of named)
      expect(isTest(readFileSync(each.file, 'utf8'), each.name), `${each.file}: ${each.name}`).toBe(true);
  });
});

test('every drill that is named there exists, and CI runs it', () => {
  const scripts: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts;
  const texts = pages.map(([file]) => readFileSync(file, 'utf8')).join('\n');
  const drills = new Set([...texts.matchAll(/`npm run (drill:\w+)`/g)].map((match) => match[1] ?? ''));
  expect(drills.size).toBeGreaterThan(2);
  for (const drill of drills) {
    expect(scripts, drill).toHaveProperty(drill);
    expect(readFileSync('.ci/run', 'utf8')).toMatch(new RegExp(`^within \\d+ npm run ${drill}$`, 'm'));
  }
});

/** A title stands in quotes right after `test(`; of one with a placeholder in front, the rest does. */
function isTest(source: string, name: string): boolean {
  const at = source.indexOf(name);
  return at > 0 && /(?:test|\))\(\s*['"`][^'"`\n]*$/.test(source.slice(Math.max(0, at - 120), at));
}
