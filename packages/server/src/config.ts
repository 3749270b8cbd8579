import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Pepper } from './lib/pepper.ts';
import { type ReportKey, readReportKeys } from './lib/signed-report.ts';
import { type Role, processesOf, refuseApart } from './roles.ts';

/** Mails to the seller that can be left out. */
const operatorMails = ['cancellation', 'dispute', 'drift', 'daily', 'weekly'] as const;
export type OperatorMail = (typeof operatorMails)[number];

/** Everything that is chosen at the start and may be logged. Frozen. */
export interface Config {
  /** `dev`: `npm start`, with everything the machine lacks brought along. `serve`: production. `proxy`: the reverse proxy alone. */
  mode: 'dev' | 'serve' | 'proxy';
  /** At least one; all of them unless said. */
  roles: readonly Role[];
  /** Processes of this program that share its ports. */
  workers: number;
  host: string;
  port: number;
  /** Where people reach this program; cookies, mails and Stripe's return links use it. No trailing slash. */
  base_url: string;
  data_dir: string;
  price_list: string;
  database: { kind: 'embedded' } | { kind: 'postgres'; url: string };
  counter: { kind: 'memory' } | { kind: 'redis'; urls: readonly string[]; mode: 'exact' | 'leased'; nodes: number };
  /** The seller's own OpenAPI document: what each request costs and needs. Null: one unit each. */
  openapi: string | null;
  /** The reverse proxy before the seller's API; null: there is none. */
  proxy: ProxyConfig | null;
  stripe: { kind: 'sandbox'; port: number } | { kind: 'stripe' };
  mail: { kind: 'inbox' } | { kind: 'smtp'; url: string };
  mail_from: string;
  /** What the seller is mailed. */
  operator_mails: readonly OperatorMail[];
  livemode: boolean;
  /** Days a customer keeps access after a payment failed. */
  grace_ms: number;
  /** What happens to keys found in public, and whose reports of them are believed. */
  leaks: { policy: 'notify' | 'rotate' | 'revoke'; grace_ms: number; keys: readonly ReportKey[] };
  /** The seller's former system, which is asked for keys that are not known; null: there is none. */
  key_verifier_url: string | null;
  /**
   * How old a usage event may be, how long events are kept one by one, and whether the gate answers before or after it wrote.
   * `each_request`: every request that the gate lets through is an event of its own.
   */
  usage: { backdate_ms: number; kept_ms: number; durability: 'buffered' | 'committed'; each_request: boolean };
  /** Peers whose X-Forwarded-For is believed. */
  trusted_proxies: readonly string[];
  log_level: 'debug' | 'info' | 'warn' | 'error';
}

/** Times are in milliseconds; `proxy/upstream.ts` says what each is for. */
export interface ProxyConfig {
  upstream: string;
  port: number;
  /** In small letters. */
  meter_header: string;
  forwards_key: boolean;
  connect_ms: number;
  headers_ms: number;
  idle_ms: number;
}

/** What must never be logged. Kept apart from `Config` so that it is not, by accident. */
export interface Secrets {
  auth: string;
  /** Peppers of key digests; the first makes new ones, all are accepted. */
  key_peppers: readonly Pepper[];
  seal_key: Buffer;
  /** Bearer token towards the former system; empty: none. */
  key_verifier: string;
  stripe_secret_key: string;
  /** Several while one is rolled, and one for each further destination at Stripe. */
  stripe_webhook_secrets: readonly string[];
}

/** Every fault of the environment at once. */
export class ConfigFaults extends Error {
  override name = 'ConfigFaults';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(
      `The environment has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

type Environment = Record<string, string | undefined>;

/** The process's environment, with a `.env` file of the working folder underneath. The only reader of `process.env`. */
export function readEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/**
 * Environment → Config and Secrets. Throws `ConfigFaults` with every fault.
 * In development a missing master secret is made once and kept in the data folder, readable by its owner only.
 */
export function readConfig(mode: Config['mode'], environment: Environment): { config: Config; secrets: Secrets } {
  const faults: string[] = [];
  const text = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  const port = portOf(text('PORT'), 4000, faults);
  const host = text('HOST') ?? (mode === 'dev' ? '127.0.0.1' : '0.0.0.0');
  const dataDir = resolve(text('FAREBOX_DATA_DIR') ?? '.farebox');
  const stripeKey = text('STRIPE_SECRET_KEY');
  const databaseUrl = urlOf('DATABASE_URL', text('DATABASE_URL'), ['postgres:', 'postgresql:'], faults);
  const redisUrls = redisUrlsOf(text('REDIS_URL'), faults);
  const smtpUrl = urlOf('SMTP_URL', text('SMTP_URL'), ['smtp:', 'smtps:'], faults);
  const baseUrl = urlOf('FAREBOX_URL', text('FAREBOX_URL'), ['http:', 'https:'], faults);
  const webhookSecrets = secretsOf(text('STRIPE_WEBHOOK_SECRET'), faults);
  const livemode = stripeKey?.startsWith('sk_live_') ?? false;
  const processes = processesOf(mode, text, faults);
  refuseUnsafe(mode, { ...processes, stripeKey, webhookSecrets, databaseUrl, baseUrl, smtpUrl, livemode }, faults);
  refuseApart(processes, { databaseUrl, redisUrl: redisUrls[0] }, faults);
  const graceDays = numberOf('FAREBOX_GRACE_DAYS', text('FAREBOX_GRACE_DAYS'), 7, 0, 90, faults);
  const level = text('LOG_LEVEL') ?? (mode === 'dev' ? 'warn' : 'info');
  if (!isLevel(level)) faults.push('LOG_LEVEL must be debug, info, warn or error.');
  const master = masterSecret(mode, text('FAREBOX_SECRET'), dataDir, faults);
  const peppers = peppersOf(text('FAREBOX_KEY_PEPPERS'), derive(master, 'key digests').toString('hex'), faults);
  const verifierUrl = urlOf('FAREBOX_KEY_VERIFIER_URL', text('FAREBOX_KEY_VERIFIER_URL'), ['http:', 'https:'], faults);
  const leaks = leaksOf(text, faults);
  const shared = sharedOf(text, processes.workers, faults);
  const usage = usageOf(text, faults);
  const openapi = text('FAREBOX_OPENAPI');
  const proxy = proxyOf(text, faults);
  if (mode === 'proxy') refuseLoneProxy({ proxy, databaseUrl }, faults);
  const operator_mails = operatorMailsOf(text('FAREBOX_OPERATOR_MAILS'), faults);
  if (faults.length > 0) throw new ConfigFaults(faults);

  const priceList = text('FAREBOX_CONFIG') ?? 'farebox.config.ts';
  const config: Config = {
    mode,
    ...processes,
    host,
    port,
    base_url: (baseUrl ?? `http://localhost:${port}`).replace(/\/+$/, ''),
    data_dir: dataDir,
    price_list: isAbsolute(priceList) ? priceList : resolve(priceList),
    database: databaseUrl === undefined ? { kind: 'embedded' } : { kind: 'postgres', url: databaseUrl },
    counter: redisUrls.length === 0 ? { kind: 'memory' } : { kind: 'redis', urls: redisUrls, ...shared },
    openapi: openapi === undefined ? null : resolve(openapi),
    proxy,
    stripe: stripeKey === undefined && mode !== 'proxy' ? { kind: 'sandbox', port: port + 1 } : { kind: 'stripe' },
    mail: smtpUrl === undefined ? { kind: 'inbox' } : { kind: 'smtp', url: smtpUrl },
    mail_from: text('MAIL_FROM') ?? 'billing@localhost',
    operator_mails,
    livemode,
    grace_ms: graceDays * 86_400_000,
    leaks,
    key_verifier_url: verifierUrl ?? null,
    usage,
    trusted_proxies: listOf(text('FAREBOX_TRUSTED_PROXIES')),
    log_level: isLevel(level) ? level : 'info',
  };
  return {
    config: Object.freeze(config),
    secrets: {
      auth: derive(master, 'sessions').toString('hex'),
      key_peppers: peppers,
      key_verifier: text('FAREBOX_KEY_VERIFIER_SECRET') ?? '',
      seal_key: derive(master, 'first keys'),
      stripe_secret_key: stripeKey ?? 'sk_test_farebox',
      stripe_webhook_secrets: webhookSecrets ?? [`whsec_${derive(master, 'local webhooks').toString('hex')}`],
    },
  };
}

/** What would be unsafe, or contradicts itself. */
function refuseUnsafe(
  mode: Config['mode'],
  found: {
    roles: readonly Role[];
    stripeKey: string | undefined;
    webhookSecrets: string[] | undefined;
    databaseUrl: string | undefined;
    baseUrl: string | undefined;
    smtpUrl: string | undefined;
    livemode: boolean;
  },
  faults: string[],
): void {
  const { stripeKey, webhookSecrets, databaseUrl, baseUrl, smtpUrl, livemode } = found;
  /** A process that only decides speaks neither to Stripe nor to a mail server. */
  const sells = mode === 'serve' && found.roles.some((role) => role !== 'gate');
  if (stripeKey !== undefined && !/^[sr]k_(test|live)_[A-Za-z0-9]+$/.test(stripeKey)) {
    faults.push('STRIPE_SECRET_KEY must start with sk_test_, sk_live_, rk_test_ or rk_live_.');
  }
  if (stripeKey !== undefined && webhookSecrets === undefined) {
    faults.push('STRIPE_WEBHOOK_SECRET is needed with STRIPE_SECRET_KEY: an empty secret would accept forged events.');
  }
  if (sells && stripeKey === undefined)
    faults.push('STRIPE_SECRET_KEY is needed to serve; `npm start` brings a local Stripe.');
  if (mode === 'serve' && baseUrl === undefined)
    faults.push('FAREBOX_URL is needed to serve: the address people reach this program at.');
  if (sells && smtpUrl === undefined) faults.push('SMTP_URL is needed to serve; `npm start` brings a mail inbox.');
  if (livemode && databaseUrl === undefined)
    faults.push('A live Stripe key needs DATABASE_URL: the embedded database is for one machine and no backups.');
  if (livemode && baseUrl?.startsWith('http:')) faults.push('A live Stripe key needs an https FAREBOX_URL.');
}

/** One secret in, one per purpose out: learning one does not give the others. */
function derive(master: string, purpose: string): Buffer {
  return createHmac('sha256', master).update(`farebox ${purpose}`).digest();
}

function masterSecret(mode: Config['mode'], given: string | undefined, dataDir: string, faults: string[]): string {
  if (given !== undefined) {
    if (given.length < 32) faults.push('FAREBOX_SECRET must have at least 32 characters.');
    return given;
  }
  if (mode !== 'dev') {
    faults.push('FAREBOX_SECRET is needed to serve: at least 32 random characters, kept outside the database.');
    return '';
  }
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'secret');
  if (!existsSync(path)) writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(path, 'utf8').trim();
}

/** Separated by commas. A blank one would verify what anybody signs with nothing. */
function secretsOf(value: string | undefined, faults: string[]): string[] | undefined {
  if (value === undefined) return undefined;
  const secrets = value.split(',').map((secret) => secret.trim());
  if (secrets.some((secret) => secret.length < 12))
    faults.push('STRIPE_WEBHOOK_SECRET holds a secret that is blank or too short; separate several with commas.');
  return secrets;
}

/** How counters in Redis are shared. */
function sharedOf(
  text: (name: string) => string | undefined,
  workers: number,
  faults: string[],
): { mode: 'exact' | 'leased'; nodes: number } {
  const nodes = numberOf('FAREBOX_NODES', text('FAREBOX_NODES'), workers, 1, 1000, faults);
  if (nodes < workers)
    faults.push(
      `FAREBOX_NODES is ${nodes}, and here alone are ${workers} workers: it counts all processes with the gate.`,
    );
  const mode = text('FAREBOX_COUNTER') ?? 'exact';
  if (mode !== 'exact' && mode !== 'leased') {
    faults.push('FAREBOX_COUNTER must be exact or leased.');
    return { mode: 'exact', nodes };
  }
  return { mode, nodes };
}

/** Without an upstream nothing else of it says anything. */
function proxyOf(text: (name: string) => string | undefined, faults: string[]): ProxyConfig | null {
  const upstream = urlOf('FAREBOX_UPSTREAM', text('FAREBOX_UPSTREAM'), ['http:', 'https:'], faults);
  const meterHeader = text('FAREBOX_PROXY_METER_HEADER') ?? 'Farebox-Units';
  if (!/^[A-Za-z0-9-]{1,64}$/.test(meterHeader))
    faults.push('FAREBOX_PROXY_METER_HEADER must be the name of a header.');
  const forwardsKey = text('FAREBOX_PROXY_FORWARD_KEY') ?? 'false';
  if (forwardsKey !== 'true' && forwardsKey !== 'false')
    faults.push('FAREBOX_PROXY_FORWARD_KEY must be true or false.');
  const hour = 3_600_000;
  const ms = (name: string, value: string | undefined, fallback: number) =>
    numberOf(name, value, fallback, 1, hour, faults);
  const settings = {
    port: numberOf('FAREBOX_PROXY_PORT', text('FAREBOX_PROXY_PORT'), 8080, 1, 65_535, faults),
    meter_header: meterHeader.toLowerCase(),
    forwards_key: forwardsKey === 'true',
    connect_ms: ms('FAREBOX_PROXY_CONNECT_MS', text('FAREBOX_PROXY_CONNECT_MS'), 5000),
    headers_ms: ms('FAREBOX_PROXY_HEADERS_MS', text('FAREBOX_PROXY_HEADERS_MS'), 60_000),
    idle_ms: ms('FAREBOX_PROXY_IDLE_MS', text('FAREBOX_PROXY_IDLE_MS'), 300_000),
  };
  if (upstream === undefined) return null;
  const { search, hash, username, pathname } = new URL(upstream);
  if (search !== '' || hash !== '' || username !== '' || /[%;\\]|\/\//.test(pathname))
    faults.push('FAREBOX_UPSTREAM must be an address with a plain path and nothing after it: http://localhost:3000.');
  return { upstream, ...settings };
}

function refuseLoneProxy(
  found: { proxy: ProxyConfig | null; databaseUrl: string | undefined },
  faults: string[],
): void {
  if (found.proxy === null && !faults.some((fault) => fault.startsWith('FAREBOX_UPSTREAM')))
    faults.push('Say where your API is: farebox proxy --upstream http://localhost:3000, or FAREBOX_UPSTREAM.');
  if (found.databaseUrl === undefined)
    faults.push(
      'DATABASE_URL is needed: the database of the Farebox this proxy decides for. With `npm start`, FAREBOX_UPSTREAM makes the proxy part of that program.',
    );
}

function usageOf(text: (name: string) => string | undefined, faults: string[]): Config['usage'] {
  const days = (name: string, fallback: number, least: number, most: number) =>
    numberOf(name, text(name), fallback, least, most, faults) * 86_400_000;
  const durability = text('FAREBOX_USAGE_DURABILITY') ?? 'buffered';
  if (durability !== 'buffered' && durability !== 'committed')
    faults.push('FAREBOX_USAGE_DURABILITY must be buffered or committed.');
  const gateEvents = text('FAREBOX_GATE_EVENTS') ?? 'summed';
  if (gateEvents !== 'summed' && gateEvents !== 'each') faults.push('FAREBOX_GATE_EVENTS must be summed or each.');
  return {
    durability: durability === 'committed' ? 'committed' : 'buffered',
    each_request: gateEvents === 'each',
    backdate_ms: days('FAREBOX_USAGE_BACKDATE_DAYS', 35, 1, 365),
    kept_ms: days('FAREBOX_USAGE_RETENTION_DAYS', 400, 45, 3650),
  };
}

function leaksOf(text: (name: string) => string | undefined, faults: string[]): Config['leaks'] {
  const hours = numberOf('FAREBOX_LEAK_GRACE_HOURS', text('FAREBOX_LEAK_GRACE_HOURS'), 24, 0, 24 * 30, faults);
  const policy = text('FAREBOX_LEAK_POLICY') ?? 'rotate';
  const file = text('FAREBOX_LEAK_KEYS');
  let keys: readonly ReportKey[] = [];
  try {
    if (file !== undefined) keys = readReportKeys(readFileSync(resolve(file), 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    faults.push(`FAREBOX_LEAK_KEYS must be a file of public keys in GitHub's form: ${why}`);
  }
  if (policy !== 'notify' && policy !== 'rotate' && policy !== 'revoke') {
    faults.push('FAREBOX_LEAK_POLICY must be notify, rotate or revoke.');
    return { policy: 'rotate', grace_ms: 0, keys };
  }
  return { policy, grace_ms: hours * 3_600_000, keys };
}

/**
 * `2:<secret>,1:derived`: peppers by id, the first of which makes new digests. `derived` is the one of FAREBOX_SECRET, which is
 * number 1 and alone unless the list is given. One that is left out refuses its keys.
 */
function peppersOf(value: string | undefined, derived: string, faults: string[]): Pepper[] {
  const peppers = (value ?? '1:derived').split(',').map((item): Pepper => {
    const [id = '', secret = ''] = item.trim().split(':', 2);
    return { id: Number(id), secret: secret === 'derived' ? derived : secret };
  });
  const areGood = peppers.every(({ id, secret }) => Number.isInteger(id) && id > 0 && id < 1e6 && secret.length >= 32);
  if (!areGood || new Set(peppers.map(({ id }) => id)).size < peppers.length)
    faults.push(
      'FAREBOX_KEY_PEPPERS must be a list like "2:<at least 32 characters>,1:derived", each number once; the first makes new digests.',
    );
  return peppers;
}

function portOf(value: string | undefined, fallback: number, faults: string[]): number {
  return numberOf('PORT', value, fallback, 1, 65_000, faults);
}

/** Several are a cluster. */
function redisUrlsOf(value: string | undefined, faults: string[]): string[] {
  return listOf(value).flatMap((url) => urlOf('REDIS_URL', url, ['redis:', 'rediss:'], faults) ?? []);
}

function operatorMailsOf(value: string | undefined, faults: string[]): readonly OperatorMail[] {
  const asked = listOf(value ?? operatorMails.join(','));
  if (asked.some((kind) => kind !== 'none' && !operatorMails.some((known) => known === kind)))
    faults.push(`FAREBOX_OPERATOR_MAILS must be none, or some of ${operatorMails.join(', ')}.`);
  return operatorMails.filter((kind) => asked.includes(kind));
}

function listOf(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function numberOf(
  name: string,
  value: string | undefined,
  fallback: number,
  least: number,
  most: number,
  faults: string[],
): number {
  if (value === undefined) return fallback;
  const parsed = Number(value);
  if (/^\d+$/.test(value) && parsed >= least && parsed <= most) return parsed;
  faults.push(`${name} must be a whole number from ${least} to ${most}; it is "${value}".`);
  return fallback;
}

function urlOf(name: string, value: string | undefined, protocols: string[], faults: string[]): string | undefined {
  if (value === undefined) return undefined;
  // PostgreSQL's `user@/database?host=/socket` names no host before the path, which the URL standard does not know.
  const url = URL.parse(value.replace('@/', '@localhost/'));
  if (url !== null && protocols.includes(url.protocol)) return value;
  faults.push(`${name} must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`);
  return undefined;
}

function isLevel(level: string): level is Config['log_level'] {
  return level === 'debug' || level === 'info' || level === 'warn' || level === 'error';
}
