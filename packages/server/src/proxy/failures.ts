/** What was waited for did not come in time. */
export class Late extends Error {
  override name = 'Late';
}

/** Nobody waits for the answer any more. */
export class Gone extends Error {
  override name = 'Gone';
}

/** A kept connection was closed before anything was answered on it. */
export class ClosedUnder extends Error {
  override name = 'ClosedUnder';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}
