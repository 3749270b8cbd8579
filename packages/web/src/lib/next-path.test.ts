import { describe, expect, test } from 'vitest';
import { nextPath } from './next-path.ts';

describe('where sign-in may lead', () => {
  test.each(['/dashboard', '/admin/events?state=parked', '/dashboard#keys'])('%s stays', (next) => {
    expect(nextPath(next)).toBe(next);
  });

  test.each([
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    'dashboard',
  ])('another site is refused: %s', (next) => {
    expect(nextPath(next)).toBeNull();
  });

  test('nothing asked, nothing answered', () => {
    expect(nextPath(undefined)).toBeNull();
  });
});
