/** States what must be true here. A false one is a fault of the program: the request ends in a 500 with an id. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

export class InvariantError extends Error {
  override name = 'InvariantError';
}
