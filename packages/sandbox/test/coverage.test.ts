import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { coverageText, endpointCounts } from '../scripts/coverage.ts';
import { coverage } from '../src/contract/coverage.ts';
import { routeReason } from '../src/contract/reasons.ts';

const found = coverage();
const built = found.families.flatMap((family) => family.built);

test('COVERAGE.md is what the sandbox has', () => {
  const text = readFileSync(new URL('../COVERAGE.md', import.meta.url), 'utf8');
  expect(text, 'It is stale: run npm run coverage -w @farebox/sandbox').toBe(coverageText(found));
});

test('every endpoint that a subscription business calls is built, or says why not', () => {
  expect(endpointCounts(found).missing.filter((route) => routeReason(route) === null)).toEqual([]);
});

test('whatever is not built, without effect, refused or never set has its reason', () => {
  const open = (names: { name: string; reason: string | null }[], of: string): string[] =>
    names.flatMap(({ name, reason }) => (reason === null ? [`${of} ${name}`] : []));
  const advice = 'Build it, or say why not in src/contract/reasons.ts';
  expect(
    built.flatMap(({ route, inert, refused }) => open([...inert, ...refused], route)),
    advice,
  ).toEqual([]);
  expect(
    found.families.flatMap((each) => open(each.unbuilt, each.name)),
    advice,
  ).toEqual([]);
  expect(
    found.objects.flatMap((each) => open(each.unset, each.object)),
    advice,
  ).toEqual([]);
});

test('no parameter is both implemented and refused, and every one of the contract is one of the three', () => {
  for (const { route, implemented, inert, refused } of built) {
    const names = [...implemented, ...inert.map((each) => each.name), ...refused.map((each) => each.name)];
    expect(new Set(names).size, route).toBe(names.length);
  }
});
