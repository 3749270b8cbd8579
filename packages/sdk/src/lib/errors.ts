/** Farebox did not answer in time, could not be reached, or answered that it cannot decide. */
export class FareboxUnavailable extends Error {
  override name = 'FareboxUnavailable';
}

/**
 * Farebox answered that the call itself is wrong: an unknown secret key (`unauthenticated`), a faulty field
 * (`invalid_request`). A fault of the program or its configuration; no request is ever allowed because of it.
 */
export class FareboxError extends Error {
  override name = 'FareboxError';
  readonly status: number;
  readonly code: string;
  /** The field at fault, when there is one. */
  readonly param: string | null;

  constructor(message: string, options: { status: number; code: string; param: string | null }) {
    super(message);
    this.status = options.status;
    this.code = options.code;
    this.param = options.param;
  }
}
