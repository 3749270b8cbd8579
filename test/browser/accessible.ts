import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Runs in the page: two frames, in which what was asked for is drawn, then the end of what moves and comes to one. */
const settled = `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() =>
  Promise.allSettled(
    document.getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
      .map(({ finished }) => finished),
  ),
)`;

/** Nothing that axe calls serious, by WCAG 2 A and AA. */
export async function expectAccessible(page: Page): Promise<void> {
  // Colours on their way have the contrast of the way. Without motion a theme that changes has no way; what turns for ever is not waited for.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.evaluate(settled);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).analyze();
  expect(
    violations
      .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
      .map(({ id, nodes }) => `${page.url()} ${id}: ${nodes[0]?.html}`),
  ).toEqual([]);
}
