/** A refusal to start, in a sentence that says what to do. The command line prints it without a stack. */
export class Refusal extends Error {
  override name = 'Refusal';
}
