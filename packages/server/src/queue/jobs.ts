/** Every kind of job and what it is told. A job carries ids; its handler reads the rest when it runs. */
export interface Jobs {
  'stripe.event': { event_id: string };
  'stripe.sync': { customer_id: string };
  'stripe.sweep': Record<string, never>;
  'stripe.backfill': Record<string, never>;
  'stripe.push': Record<string, never>;
  'stripe.reconcile': Record<string, never>;
  'stripe.import': { import_id: string };
  'stripe.intent': { intent_id: string };
  'plans.migrate': { migration_id: string };
  'plans.migrate_all': Record<string, never>;
  'usage.report': { report_id: string };
  'usage.adjustment': { adjustment_id: string };
  'usage.meters': { customer_id: string };
  'usage.alerts': Record<string, never>;
  'usage.partitions': Record<string, never>;
  'usage.counters': Record<string, never>;
  'credits.expiry': Record<string, never>;
  'credits.top_ups': Record<string, never>;
  'credits.reservations': Record<string, never>;
  'digests.day': Record<string, never>;
  'digests.week': Record<string, never>;
  'renewals.sweep': Record<string, never>;
  'renewals.tell': { stripe_subscription_id: string; heard_at: number };
  'entitlements.tell': { customer_id: string };
  'entitlements.sweep': Record<string, never>;
  'keys.expiry': Record<string, never>;
  'keys.tidy': Record<string, never>;
  'replies.forget': Record<string, never>;
  'answers.forget': Record<string, never>;
  'accounts.reset_letter': { email: string };
  'notice.send': { notice_id: string };
  'webhook.deliver': { delivery_id: string };
  'webhook.sweep': Record<string, never>;
  'webhook.forget': Record<string, never>;
}

export type JobName = keyof Jobs;

/** One job of any kind. */
export type Job = {
  [N in JobName]: {
    name: N;
    data: Jobs[N];
    /**
     * While a job of this name and key waits, another is not added: the one that waits will see everything. That holds
     * for handlers that read their truth outside the transaction (Stripe); a handler that must see rows written in the
     * same transaction as its job takes no key. Names in `coalesced` have a key without being given one.
     */
    singletonKey?: string;
    /** Not before this instant of the machine's clock, in milliseconds. */
    startAfter?: number;
  };
}[JobName];

interface Handling {
  /** Jobs of the name that one process runs at the same time. */
  concurrency: number;
  /** Tries after the first. With the back-off below, eight take about four minutes and twenty about an hour and a half. */
  retries: number;
}

/** How each kind of job is run. Between tries the wait doubles from one second to `longestRetryDelay_s`. */
export const handlings: Record<JobName, Handling> = {
  'stripe.event': { concurrency: 4, retries: 20 },
  'stripe.sync': { concurrency: 4, retries: 20 },
  'stripe.sweep': { concurrency: 1, retries: 2 },
  'stripe.backfill': { concurrency: 1, retries: 8 },
  'stripe.push': { concurrency: 1, retries: 20 },
  'stripe.reconcile': { concurrency: 1, retries: 2 },
  'stripe.import': { concurrency: 1, retries: 20 },
  'stripe.intent': { concurrency: 4, retries: 20 },
  'plans.migrate': { concurrency: 1, retries: 20 },
  'plans.migrate_all': { concurrency: 1, retries: 2 },
  'usage.report': { concurrency: 2, retries: 20 },
  'usage.adjustment': { concurrency: 2, retries: 20 },
  'usage.meters': { concurrency: 2, retries: 8 },
  'usage.alerts': { concurrency: 1, retries: 2 },
  'usage.partitions': { concurrency: 1, retries: 8 },
  'usage.counters': { concurrency: 1, retries: 2 },
  'credits.reservations': { concurrency: 1, retries: 2 },
  'credits.expiry': { concurrency: 1, retries: 2 },
  'credits.top_ups': { concurrency: 1, retries: 2 },
  'digests.day': { concurrency: 1, retries: 8 },
  'digests.week': { concurrency: 1, retries: 8 },
  'renewals.sweep': { concurrency: 1, retries: 2 },
  'renewals.tell': { concurrency: 2, retries: 20 },
  'entitlements.tell': { concurrency: 2, retries: 8 },
  'entitlements.sweep': { concurrency: 1, retries: 2 },
  'keys.expiry': { concurrency: 1, retries: 2 },
  'keys.tidy': { concurrency: 1, retries: 8 },
  'replies.forget': { concurrency: 1, retries: 8 },
  'answers.forget': { concurrency: 1, retries: 8 },
  'accounts.reset_letter': { concurrency: 1, retries: 8 },
  'notice.send': { concurrency: 4, retries: 8 },
  'webhook.deliver': { concurrency: 8, retries: 8 },
  'webhook.sweep': { concurrency: 1, retries: 2 },
  'webhook.forget': { concurrency: 1, retries: 8 },
};

export const longestRetryDelay_s = 600;

/** The key of a job that is given none, for the names of which one waiting job is enough. */
export const coalesced: { [N in JobName]?: (data: Jobs[N]) => string } = {
  'stripe.sync': (data) => data.customer_id,
  'stripe.sweep': () => 'all',
  'stripe.backfill': () => 'all',
  'stripe.reconcile': () => 'all',
  'plans.migrate_all': () => 'all',
  'usage.meters': (data) => data.customer_id,
  'usage.alerts': () => 'all',
  'usage.partitions': () => 'all',
  'usage.counters': () => 'all',
  'credits.reservations': () => 'all',
  'credits.expiry': () => 'all',
  'credits.top_ups': () => 'all',
  'digests.day': () => 'all',
  'digests.week': () => 'all',
  'renewals.sweep': () => 'all',
  'entitlements.sweep': () => 'all',
  'keys.expiry': () => 'all',
  'keys.tidy': () => 'all',
  'replies.forget': () => 'all',
  'webhook.sweep': () => 'all',
  'webhook.forget': () => 'all',
};
