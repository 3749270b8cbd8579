import { type AccessPolicy, type PriceList, defaultDunning, withAddOns } from '@farebox/core';
import type { Letter } from './accounts/auth.ts';
import { createAccounts } from './accounts/service.ts';
import { connectAlerting } from './alerting.ts';
import type { AppOptions } from './app.ts';
import { createOverrides } from './customers/overrides/service.ts';
import { createCredits } from './credits/service.ts';
import { type FailedAttempt, createAutoTopUpOutcome } from './credits/auto-top-ups/outcome.ts';
import { topUpFailedMail } from './credits/auto-top-ups/mail.ts';
import { createTopUpMirror } from './credits/top-ups/mirror.ts';
import { createCustomers } from './customers/service.ts';
import type { Tx } from './db/database.ts';
import { createGating } from './gating.ts';
import { type KeyNotice, withPerson } from './keys/record.ts';
import { bumpGateVersion, countKeysSince } from './keys/store.ts';
import { invariant } from './lib/invariant.ts';
import { createInboxMailer } from './mail/inbox.ts';
import { createSmtpMailer } from './mail/smtp.ts';
import { createNotices } from './notices/service.ts';
import { createPlans } from './plans/service.ts';
import { createAnswers } from './proxy/answers.ts';
import { createQueue } from './queue/queue.ts';
import { createReplies } from './replies/service.ts';
import type { MoneyNotice, Person } from './stripe/life-notices.ts';
import { openCheckouts } from './subscriptions/checkouts/store.ts';
import { liveSubscriptions, liveWithPlans } from './subscriptions/store.ts';
import { connectWebhooks, createTelling } from './telling.ts';
import { createCaps } from './usage/caps/service.ts';
import { createCorrections } from './usage/corrections/service.ts';
import { createUsage } from './usage/service.ts';

type Tools = ReturnType<typeof createTools>;
export type Slices = ReturnType<typeof createSlices>;

/** What the slices stand on, beside the database. */
export function createTools({ config, db, database_url, log, clock, queue: given }: AppOptions) {
  const queue =
    given ??
    createQueue({
      url: database_url,
      log,
      sole: config.database.kind === 'embedded',
      works: config.roles.includes('jobs'),
    });
  const mailer =
    config.mail.kind === 'smtp' ? createSmtpMailer({ url: config.mail.url }) : createInboxMailer({ db, clock });
  return { queue, mailer };
}

/** The slices, each with what it is told by others; nothing of them runs yet and none of them has a door. */
export function createSlices(options: AppOptions, tools: Tools) {
  const { config, secrets, list, db, log, clock } = options;
  const { queue } = tools;
  const access: AccessPolicy = {
    grace_ms: config.grace_ms,
    dunning: list.dunning ?? defaultDunning(config.grace_ms / 86_400_000),
  };
  const telling = createTelling({ ...options, queue, livemode: config.livemode });
  const plans = createPlans({ db, clock, queue, list, told: telling.plan });
  const customers = createCustomers({ db, clock, told: telling.customer });
  const usage = createUsage({
    db,
    clock,
    log,
    meters: list.meters,
    backdate_ms: config.usage.backdate_ms,
    kept_ms: keptFor(list, config.usage),
  });
  const notices = createNotices({
    db,
    clock,
    queue,
    mailer: tools.mailer,
    log,
    seal_key: secrets.seal_key,
    from: senderOf(config.mail_from, list.seller.name),
    brand: list.seller,
  });
  const accounts = createAccounts({
    db,
    clock,
    log,
    secret: secrets.auth,
    base_url: config.base_url,
    ensureCustomer: (tx, person) => customers.ensureForUser(tx, person),
    claimable: async (tx, person) => {
      const began = await countKeysSince(tx, person.customer_id, new Date(0));
      const isBuying = (await openCheckouts(tx, person.customer_id)).length > 0;
      return began > 0 || isBuying ? null : await customers.claimable(tx, person);
    },
    retire: (tx, id) => customers.retire(tx, id),
    sendVerification: (letter) => sendLetter('verify_address', letter),
    sendReset: (letter) => sendLetter('reset_password', letter),
    askForReset: (email) => queue.enqueue(db.kysely, { name: 'accounts.reset_letter', data: { email } }),
  });
  const gating = createGating({
    ...options,
    accounts,
    plans,
    usage,
    notify: notifyOfKey,
    keyTold: telling.key,
    limitTold: async (tx, refusal) => {
      if ((await customers.find(tx, refusal.customer_id)) !== null) await telling.rateLimit(tx, refusal);
    },
    access,
  });
  const { keys, snapshot } = gating;
  const answers = createAnswers(options);
  const replies = createReplies({ db, clock, seal_key: secrets.seal_key });
  const webhooks = connectWebhooks({ ...options, queue, events: telling.events, accounts, customers, notices });
  /** What a customer may use may be different: for the gate, and for webhooks once it is committed. */
  async function entitlementsDiffer(tx: Tx, customer_id: string): Promise<void> {
    await bumpGateVersion(tx, customer_id);
    await queue.enqueue(tx, { name: 'entitlements.tell', data: { customer_id } });
  }
  const overrides = createOverrides({
    db,
    clock,
    list,
    findCustomer: (id) => customers.get(id),
    plansOf: async (id) =>
      (await liveWithPlans(db.kysely, id)).map(({ plan, held_add_ons }) => withAddOns(plan, held_add_ons)),
    audit: accounts.audit,
    invalidate: entitlementsDiffer,
    changed: (customerId) => snapshot.changed(customerId),
  });
  const credits = createCredits({
    db,
    clock,
    currency: list.currency,
    meters: list.meters,
    findCustomer: (id) => customers.get(id),
    runningCharges: (id) => usage.runningCharges(id),
    audit: accounts.audit,
    told: telling.credit,
  });
  const currencyOf = async (id: string) =>
    (await liveWithPlans(db.kysely, id))[0]?.plan.price.currency ?? list.currency;
  const mirrorTopUps = createTopUpMirror({
    clock,
    terms: list.top_ups,
    credits,
    told: telling.topUp,
    automatic: createAutoTopUpOutcome({ clock, failed: notifyOfTopUp }),
  });
  const caps = createCaps({
    db,
    clock,
    findCustomer: (id) => customers.get(id),
    currencyOf,
    running: (id) => usage.underCap(id),
    audit: accounts.audit,
    invalidate: bumpGateVersion,
    changed: (customerId) => snapshot.changed(customerId),
  });
  const corrections = createCorrections({
    db,
    clock,
    queue,
    meters: list.meters,
    kept_ms: usage.kept_ms,
    findCustomer: (id) => customers.get(id),
    usageOfPeriod: usage.usageOfPeriod,
    restoreCredit: credits.restore,
    audit: accounts.audit,
    told: telling.usage,
    corrected: usage.corrected,
  });
  const alerting = connectAlerting({ ...options, accounts, usage, credits, customers, notices, telling });
  return {
    plans,
    overrides,
    credits,
    currencyOf,
    mirrorTopUps,
    corrections,
    caps,
    alerting,
    customers,
    gating,
    snapshot,
    keys,
    usage,
    notices,
    telling,
    webhooks,
    accounts,
    replies,
    answers,
    /** After the last request: what is buffered is written. */
    async close(): Promise<void> {
      await gating.quiet();
      await alerting.close();
      await usage.close();
      await answers.flush();
      await gating.close();
    },
    notifyCustomer,
    notifyOfKey,
    personOf,
    access,
    livePlanOf,
    entitlementsDiffer,
  };

  async function sendLetter(kind: 'verify_address' | 'reset_password', letter: Letter): Promise<void> {
    const { user, url, dedupe_key } = letter;
    const to = { dedupe_key, recipient: user.email, customer_id: null };
    await db.transaction((tx) => notices.enqueue(tx, { ...to, kind, data: { name: user.name, url } }));
  }

  async function notifyCustomer(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void> {
    const customer = await customers.find(tx, customerId);
    invariant(customer !== null, 'a notice is for a stored customer');
    await notices.enqueue(tx, { ...notice, recipient: customer.email, customer_id: customerId });
  }

  async function notifyOfKey(tx: Tx, customerId: string, notice: KeyNotice): Promise<void> {
    const customer = await customers.find(tx, customerId);
    invariant(customer !== null, 'a key is of a stored customer');
    const { name, dashboard_url } = personOf(customer.name);
    await notifyCustomer(tx, customerId, withPerson(notice, { name, dashboard_url }));
  }

  async function notifyOfTopUp(tx: Tx, attempt: FailedAttempt): Promise<void> {
    const { id, customer_id } = attempt.top_up;
    const customer = await customers.find(tx, customer_id);
    invariant(customer !== null, 'a top-up is of a stored customer');
    const data = topUpFailedMail(attempt, personOf(customer.name));
    await notifyCustomer(tx, customer_id, { kind: 'top_up_failed', dedupe_key: `top_up_failed:${id}`, data });
  }

  function personOf(name: string): Person {
    return { name, dashboard_url: `${config.base_url}/dashboard`, api_url: list.seller.api_url };
  }

  async function livePlanOf(customerId: string): Promise<string | null> {
    const [first] = await liveSubscriptions(db.kysely, customerId);
    const version = first === undefined ? null : await plans.version(null, first.plan_version_id);
    return version?.plan_id ?? null;
  }
}

/** The seller's name before a bare address; a name that would need quoting in a mail header is left out. */
function senderOf(address: string, name: string): string {
  return address.includes('<') || !/^[\p{L}\p{N} '&-]+$/u.test(name) ? address : `${name} <${address}>`;
}

const daysOf = { day: 1, week: 7, month: 31, quarter: 92, year: 366 };

/** Events are kept until the period they are billed in is over, also where fewer days are asked for. */
function keptFor({ plans }: Pick<PriceList, 'plans'>, usage: { kept_ms: number; backdate_ms: number }): number {
  const longest = Math.max(0, ...plans.flatMap((plan) => plan.usage.map(({ interval }) => daysOf[interval])));
  return Math.max(usage.kept_ms, (longest + 14) * 86_400_000 + usage.backdate_ms);
}
