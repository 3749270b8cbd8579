import type { Json, JsonObject } from '../contract/json.ts';

/** The `error` hash of Stripe's envelope. */
export interface ErrorBody extends JsonObject {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error' | 'temporary_session_expired';
  message: string;
}

interface ErrorExtras {
  code?: string;
  param?: string;
  /** What was written before the refusal stays (a declined charge is recorded). Otherwise the request is rolled back. */
  keeps_effects?: boolean;
  /** The request was refused before it began to run; its idempotency key stays unused. */
  before_execution?: boolean;
  /** The `Stripe-Should-Retry` header, where it is not what the status says. */
  should_retry?: boolean;
  fields?: Record<string, Json>;
}

/** A refusal in Stripe's words. The request handler turns it into the envelope. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly keeps_effects: boolean;
  readonly before_execution: boolean;
  readonly should_retry: boolean | undefined;

  constructor(status: number, type: ErrorBody['type'], message: string, extras: ErrorExtras = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.keeps_effects = extras.keeps_effects ?? false;
    this.before_execution = extras.before_execution ?? false;
    this.should_retry = extras.should_retry;
    this.body = {
      ...(extras.code === undefined
        ? {}
        : { code: extras.code, doc_url: `https://stripe.com/docs/error-codes/${extras.code.replaceAll('_', '-')}` }),
      message,
      ...(extras.param === undefined ? {} : { param: extras.param }),
      ...extras.fields,
      type,
    };
  }
}

/** 400 for a parameter or a state; `code` and `param` as Stripe gives them. */
export function invalid(message: string, extras: ErrorExtras = {}): ApiError {
  return new ApiError(400, 'invalid_request_error', message, extras);
}

/** A parameter refused before the request runs; its idempotency key may be used again. */
export function invalidParam(message: string, param: string, code?: string): ApiError {
  return invalid(message, { param, before_execution: true, ...(code === undefined ? {} : { code }) });
}

/** 404 for an id in the path, 400 for an id in the body; same text. */
export function noSuch(noun: string, id: string, param = 'id'): ApiError {
  return new ApiError(param === 'id' ? 404 : 400, 'invalid_request_error', `No such ${noun}: '${id}'`, {
    code: 'resource_missing',
    param,
  });
}

/** Something Stripe has and the sandbox has not. The code does not exist at Stripe, so nobody mistakes it for an answer of theirs. */
export function unsupported(what: string, param?: string): ApiError {
  return invalid(`The sandbox does not support ${what} yet. Stripe does.`, {
    code: 'unsupported',
    before_execution: true,
    ...(param === undefined ? {} : { param }),
  });
}

/** 404 for a URL Stripe does not have. */
export function unrecognizedUrl(method: string, path: string): ApiError {
  return new ApiError(
    404,
    'invalid_request_error',
    `Unrecognized request URL (${method}: ${path}). If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
    { before_execution: true },
  );
}
