/** Where a call to action for a plan leads. */
export function planHref(plan: { id: string }, signedIn: boolean): string {
  return `${signedIn ? '/dashboard' : '/sign-up'}?plan=${encodeURIComponent(plan.id)}`;
}
