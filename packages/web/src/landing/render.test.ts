import { expect, test } from 'vitest';
import { exampleProps } from './example.ts';
import { renderLanding } from './render.tsx';

test('the page is a whole document that runs no script', () => {
  const html = renderLanding(exampleProps);
  expect(html).toMatch(/^<!doctype html><html lang="en">/);
  expect([...html.matchAll(/<script(?! type="application\/ld\+json")/g)]).toEqual([]);
  expect(html).not.toMatch(/\son\w+=|javascript:/);
});

test('a call to action leads to sign-up, or to the dashboard of somebody signed in, and keeps the plan', () => {
  expect(renderLanding(exampleProps)).toContain('href="/sign-up?plan=starter"');
  expect(renderLanding({ ...exampleProps, signedIn: true })).toContain('href="/dashboard?plan=starter"');
});

test('a notice is announced', () => {
  const html = renderLanding({ ...exampleProps, notice: { kind: 'error', text: 'Payment was cancelled <b>' } });
  expect(html).toMatch(/role="alert"[^>]*>.*Payment was cancelled &lt;b&gt;/s);
});
