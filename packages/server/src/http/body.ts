import type { HonoRequest, MiddlewareHandler } from 'hono';
import type { z } from '@hono/zod-openapi';
import { Problem } from '../problem.ts';
import type { AppEnv } from './principal.ts';

const maxBodyBytes = 1024 * 1024;
const maxDepth = 32;
/** Many clients name the type of every POST, also of one that has nothing to say. */
const nothing = new TextEncoder().encode('{}');
const bodiless = new Set(['GET', 'HEAD', 'OPTIONS']);
const jsonType = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * Reads the body of whatever has one, before any route: at most `max_bytes`, as JSON in UTF-8, at most 32 levels deep, without
 * `__proto__`. Routes then find it read in `c.req`. Of the paths in `except` only the size is looked at: they parse their own bytes.
 * No text of a request holds the character NUL, in the body or the address: PostgreSQL cannot store it.
 */
export function createBodyReader(
  options: { max_bytes?: number; except?: readonly string[] } = {},
): MiddlewareHandler<AppEnv> {
  const max_bytes = options.max_bytes ?? maxBodyBytes;
  const except = new Set(options.except ?? []);
  return async (c, next) => {
    if (c.req.url.includes('%00')) throw new Problem('invalid_request', 'The address holds a NUL character.');
    if (!bodiless.has(c.req.method)) {
      const bytes = await readBody(c.req, max_bytes);
      const isJson = jsonType.test(c.req.header('content-type') ?? '');
      if (!except.has(c.req.path)) {
        if (bytes.byteLength > 0) {
          if (!isJson) throw new Problem('unsupported_media_type', 'Send application/json.', { param: 'content-type' });
          parseJson(bytes);
        } else if (isJson) keepBody(c.req, nothing);
      }
    }
    await next();
  };
}

/**
 * All of a request's body, left in Hono's cache for whoever reads it next. Refuses once it is known to be larger, without
 * waiting for the rest. A declared length is enforced by Node's parser, so that such a body is read in one piece.
 */
async function readBody(request: HonoRequest, max_bytes: number): Promise<Uint8Array> {
  const length = request.header('content-length');
  if (length !== undefined) {
    if (!(Number(length) <= max_bytes)) throw tooLarge(max_bytes);
    const buffer = await request.arrayBuffer();
    if (buffer.byteLength > max_bytes) throw tooLarge(max_bytes);
    return new Uint8Array(buffer);
  }
  const bytes = await readChunks(request.raw, max_bytes);
  keepBody(request, bytes);
  return bytes;
}

/** Hono keeps promises here, which its type does not say. */
function keepBody(request: HonoRequest, bytes: Uint8Array<ArrayBuffer>): void {
  Object.assign(request.bodyCache, { arrayBuffer: Promise.resolve(bytes.buffer) });
}

function tooLarge(max_bytes: number): Problem {
  return new Problem('body_too_large', `The body is larger than ${max_bytes} bytes.`);
}

async function readChunks(request: Request, max_bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.byteLength;
    if (size > max_bytes) {
      await reader.cancel();
      throw tooLarge(max_bytes);
    }
    chunks.push(read.value);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Strict JSON: valid UTF-8, bounded depth, no key that names a prototype. */
function parseJson(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
  checkShape(value, maxDepth);
  return value;
}

function checkShape(value: unknown, depth: number): void {
  if (typeof value === 'string' && value.includes('\u0000'))
    throw new Problem('invalid_json', 'A text holds a NUL character.');
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0) throw new Problem('invalid_json', `The body is nested deeper than ${maxDepth} levels.`);
  if (Object.hasOwn(value, '__proto__')) throw new Problem('invalid_json', 'The body names "__proto__".');
  for (const inner of Object.values(value)) checkShape(inner, depth - 1);
}

/** Every fault of an input, each with the path of its field. */
export function invalidRequest(error: z.ZodError): Problem {
  const errors = error.issues.flatMap(faultsOf);
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const message = first === undefined ? 'The request is not valid.' : `${described(first)}${more}`;
  return new Problem('invalid_request', message, { ...(first?.param ? { param: first.param } : {}), errors });
}

function described(fault: { param: string; detail: string }): string {
  return fault.param === '' ? fault.detail : `${fault.param}: ${fault.detail}`;
}

function faultsOf(issue: z.core.$ZodIssue): { param: string; detail: string }[] {
  const path = pathOf(issue.path);
  if (issue.code !== 'unrecognized_keys') return [{ param: path, detail: issue.message }];
  return issue.keys
    .slice(0, 20)
    .map((key) => ({ param: pathOf([...issue.path, key]), detail: 'This field is unknown.' }));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part).slice(0, 100)}`,
    )
    .join('');
}
