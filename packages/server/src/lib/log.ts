import { pino } from 'pino';

/** Fields of one line. An `Error` may stand anywhere in them. */
export type LogFields = Record<string, unknown>;

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard output. Values under secret names, and texts of a secret's shape, never reach a line. */
export function createLog(level: LogLevel, destination?: { write(line: string): void }): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = destination === undefined ? pino(options) : pino(options, destination);
  return {
    debug: (fields, message) => logger.debug(clean(fields, 0), scrub(message)),
    info: (fields, message) => logger.info(clean(fields, 0), scrub(message)),
    warn: (fields, message) => logger.warn(clean(fields, 0), scrub(message)),
    error: (fields, message) => logger.error(clean(fields, 0), scrub(message)),
  };
}

const hidden = '[redacted]';
const deepest = 6;

/** Compared without case, `-` and `_`. `key_id` and `dedupe_key` are names of things, `key` alone is a credential. */
const secretName =
  /^(?:key|apikey|xapikey|cookie|setcookie|stripesignature|pepper|sealed|.*(?:authorization|secret|secretkey|token|password|passphrase))$/;

/** Customer keys, secret keys, Stripe's keys and webhook secrets, bearer credentials, passwords in addresses. */
const secretShapes: [RegExp, string][] = [
  [/\b(?!cs_)[a-z0-9]{2,12}(?:_sk)?_(?:live|test)_[0-9A-Za-z]{16,}/g, hidden],
  [/\bwhsec_[0-9A-Za-z+/=]{8,}/g, hidden],
  [/\b(Bearer|Basic) [0-9A-Za-z._~+/=-]{8,}/gi, `$1 ${hidden}`],
  [/(:\/\/[^\s:/@]*:)[^\s/@]+@/g, `$1${hidden}@`],
];

function scrub(text: string): string {
  let clean = text;
  for (const [shape, replacement] of secretShapes) clean = clean.replace(shape, replacement);
  return clean;
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > deepest) return '[deep]';
  if (value instanceof Date) return value;
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  const fields: LogFields = {};
  if (value instanceof Error) {
    fields['type'] = value.name;
    fields['message'] = scrub(value.message);
    fields['stack'] = scrub(value.stack ?? '');
    if (value.cause !== undefined) fields['cause'] = clean(value.cause, depth + 1);
  } else if (!isData(value)) return `[${value.constructor.name}]`;
  for (const [name, field] of Object.entries(value)) {
    fields[name] = secretName.test(name.toLowerCase().replaceAll(/[-_]/g, '')) ? hidden : clean(field, depth + 1);
  }
  return fields;
}

/** Whether it is what its fields say: a connection or a socket, which errors hold, is a program with pages of state. */
function isData(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
