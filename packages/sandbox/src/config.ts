/** What the program takes from its environment: a key is seen by everybody as an argument, not as a variable. */
export function stripeKey(): string {
  return process.env['STRIPE_SECRET_KEY'] ?? '';
}
