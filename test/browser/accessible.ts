import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Runs in the page: waits for what moves there and comes to an end. */
const settled = `Promise.allSettled(
  document.getAnimations()
    .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
    .map(({ finished }) => finished),
)`;

/** Nothing that axe calls serious, by WCAG 2 A and AA. */
export async function expectAccessible(page: Page): Promise<void> {
  // What fades in has the contrast of its way there; what turns for ever is not waited for.
  await page.evaluate(settled);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).analyze();
  expect(
    violations
      .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
      .map(({ id, nodes }) => `${page.url()} ${id}: ${nodes[0]?.html}`),
  ).toEqual([]);
}
