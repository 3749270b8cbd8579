/**
 * Where to go after signing in: a path on this site, or null. Anything a browser could read as another site is refused,
 * so that a link to the sign-in page cannot lead away (open redirect).
 */
export function nextPath(next: string | undefined): string | null {
  if (next === undefined || !next.startsWith('/')) return null;
  const here = 'https://here.invalid';
  return URL.canParse(next, here) && new URL(next, here).origin === here ? next : null;
}
