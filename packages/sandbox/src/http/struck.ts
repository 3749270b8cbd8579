import type { FaultRecord } from '../store/machinery.ts';
import { ApiError } from './api-error.ts';

/** The connection ends without an answer. In process, `fetch` is rejected as a real one would be. */
export class ConnectionCut extends TypeError {
  constructor() {
    super('fetch failed: the connection was cut, as a fault asked for');
    this.name = 'ConnectionCut';
  }
}

/** Holds a request until its sender gives up or the time is over; then the connection is cut. */
function hang(signal: AbortSignal, hold_ms: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    const cut = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cut);
      reject(new ConnectionCut());
    };
    const timer = setTimeout(cut, hold_ms);
    timer.unref();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut);
  });
}

function refusalOf(fault: FaultRecord): ApiError | null {
  switch (fault.type) {
    case 'rate_limit':
      return new ApiError(
        429,
        'invalid_request_error',
        'Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.',
        { code: 'rate_limit', before_execution: true },
      );
    case 'lock_timeout':
      return new ApiError(
        409,
        'invalid_request_error',
        'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate.',
        { code: 'lock_timeout', before_execution: true },
      );
    case 'server_error':
      return new ApiError(500, 'api_error', 'An unknown error occurred, as a fault of the sandbox asked for.', {
        before_execution: true,
      });
    case 'decline':
    case 'meter_error':
    case 'timeout':
    case 'disconnect':
      return null;
  }
}

/** The answer of a request that a fault has struck: an error, or none at all. `write` puts an error into the envelope. */
export async function strikeRequest(
  fault: FaultRecord,
  signal: AbortSignal,
  write: (error: ApiError) => Response,
): Promise<Response> {
  const refusal = refusalOf(fault);
  if (refusal === null) {
    if (fault.type === 'timeout') return await hang(signal, fault.hold_ms);
    throw new ConnectionCut();
  }
  const response = write(refusal);
  response.headers.delete('stripe-should-retry');
  if (fault.should_retry !== null) response.headers.set('stripe-should-retry', String(fault.should_retry));
  if (fault.type === 'rate_limit') response.headers.set('stripe-rate-limited-reason', fault.reason);
  return response;
}
