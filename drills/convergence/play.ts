import type Stripe from 'stripe';
import { createChance } from '../chance.ts';
import { type Command, type Loss, cards, codes, dashboardEdits, plans, sweeps } from './commands.ts';
import { edit } from './dashboard.ts';
import { Post } from './post.ts';
import { isStruck } from './struck.ts';
import type { Answer, World } from './world.ts';

/** Of a refusal, what is looked at. */
interface Problem {
  code?: string;
  request_id?: string;
}

/** Longer than Stripe keeps idempotency keys, which is a day. */
export const rest_ms = 25 * 3_600_000;

/** One customer's story in a world. */
export class Play {
  readonly world: World;
  readonly post: Post;
  customer = '';
  readonly faults: string[] = [];
  /** How often somebody asked for something that may charge, to hold charges against. */
  wishes = 0;

  constructor(world: World, loses: Loss) {
    this.world = world;
    this.post = new Post(world, loses);
  }

  async begin(): Promise<void> {
    await this.post.begin();
    const made = this.world.ask<{ id: string }>('POST', '/v1/customers', { name: 'Ada', email: 'ada@example.com' });
    await this.world.turns.drive([made]);
    this.customer = (await made)?.json.id ?? '';
  }

  /** The command with deliveries and jobs beside it, all interleaved; then whoever was killed is started again. */
  async perform(command: Command): Promise<void> {
    const { world, post } = this;
    const roll = createChance(command.seed).draw;
    await post.collect(roll);
    world.turns.begin(command.seed, command.kill, command.late);
    world.arm(command.outage);
    const share = command.delivers / 3;
    let open = 0;
    const part = (work: () => Promise<void>): Promise<void> => {
      open += 1;
      return work().finally(() => {
        open -= 1;
        world.wake();
      });
    };
    const deed = () => part(() => this.#do(command));
    const acts = [deed(), ...(command.twice ? [deed()] : [])];
    const couriers = [
      part(async () => {
        for (const letter of post.batch(share, roll)) await post.deliver(letter);
      }),
      part(async () => {
        let isOver = false;
        const over = Promise.all(acts).then(() => (isOver = true));
        // What Stripe tells at once, often before its own answer is here.
        while (command.prompt && !isOver) {
          await world.news(over);
          for (const letter of await post.collect(roll)) await post.deliver(letter);
        }
        await over;
        await post.collect(roll);
        for (const letter of post.batch(share * roll(), roll)) await post.deliver(letter);
      }),
    ];
    const workers = Array.from({ length: command.workers }, (_, index) =>
      world.work(`worker ${index}`, command.seed, () => open === 0),
    );
    await world.turns.drive([...acts, ...couriers, ...workers]);
    world.arm(null);
    await this.revive();
    if (!command.rests) return;
    world.time += rest_ms;
    await world.sandbox.clock.advance(rest_ms);
  }

  async revive(): Promise<void> {
    if (!this.world.process.life.isOver) return;
    this.world.count('kills');
    this.world.jobs.takeOver();
    await this.world.boot();
  }

  /** Whatever is still on its way arrives, and what is to be done is done, with nothing going wrong any more. */
  async settle(seed: number): Promise<void> {
    const { world, post } = this;
    for (let rounds = 0; ; rounds += 1) {
      if (rounds === 60) throw new Error(`After ${rounds} rounds ${post.waiting} events and jobs still wait.`);
      await post.collect(createChance(seed + rounds).draw);
      const next = world.jobs.next();
      if (post.waiting === 0 && next === null) return;
      if (post.waiting === 0 && next !== null) world.time = Math.max(world.time, next);
      world.turns.begin(seed + rounds, null);
      let isOpen = true;
      const courier = (async () => {
        for (const letter of post.rest(seed + rounds)) await post.deliver(letter);
        isOpen = false;
        world.wake();
      })();
      const workers = [1, 2].map((index) => world.work(`worker ${index}`, seed, () => !isOpen));
      await world.turns.drive([courier, ...workers]);
    }
  }

  async #do(command: Command): Promise<void> {
    const { world } = this;
    world.count('commands');
    switch (command.do) {
      case 'buy':
        return await this.#buy(command);
      case 'begin':
        this.wishes += 1;
        return void (await this.#ask('POST', '/v1/subscriptions', {
          customer_id: this.customer,
          plan_id: plans[command.plan],
          collection: command.sent ? 'invoice' : 'card',
          ...codeOf(command.code),
        }));
      case 'clock':
        return void (await world.turns.aside('time passes', () => world.sandbox.clock.advance(command.seconds * 1000)));
      case 'look':
        return void (await this.#ask('GET', `/v1/subscriptions?customer_id=${this.customer}`));
      case 'sweep':
        return await this.#sweep(command.which);
      case 'card':
        return await this.#saveCard(command.card);
      case 'authenticate':
        return await this.#authenticate(command.passes);
      case 'close_dispute':
        return await this.#closeDispute(command.won);
      case 'retry':
      case 'refund':
        return await this.#onInvoice(command);
      case 'dashboard':
        this.wishes += 1;
        return await edit(this, dashboardEdits[command.edit] ?? 'discount', command.amount);
      default:
        return await this.#onSubscription(command);
    }
  }

  /** A request by the seller's program. A refusal is an answer like another; a fault of the program is one of the drill's. */
  async #ask<T extends object>(method: string, path: string, body?: unknown): Promise<Answer<T & Problem> | null> {
    const answer = await this.world.ask<T & Problem>(method, path, body);
    this.world.count(`answered ${answer?.status ?? 'nothing'}`);
    if (answer !== null && answer.status >= 500 && answer.json.code !== 'stripe_unavailable')
      this.faults.push(
        `${method} ${path} was answered ${answer.status}: ${this.world.log.findLast((line) => line.includes(answer.json.request_id ?? '')) ?? ''}`,
      );
    return answer;
  }

  async #buy({ plan, card, code, asks, returns }: Extract<Command, { do: 'buy' }>): Promise<void> {
    this.wishes += 1;
    const opened = await this.#ask<{ url: string; id: string }>('POST', '/v1/checkout_sessions', {
      customer_id: this.customer,
      plan_id: plans[plan],
      ...codeOf(code),
    });
    if (opened?.status !== 201) return;
    const { url, id } = opened.json;
    const fields = {
      number: cards[card]?.number ?? '',
      exp: '12 / 34',
      cvc: '123',
      name: 'Ada',
      email: 'ada@example.com',
    };
    const paid = await this.world.page(url, fields);
    if (paid.headers.get('location')?.endsWith('/authenticate') === true)
      await this.world.page(`${url}/authenticate`, { action: asks ? 'authenticate' : 'fail' });
    if (returns) await this.#ask('GET', `/v1/checkout_sessions/${id}`);
  }

  async #sweep(which: number): Promise<void> {
    const { life, app, handlers } = this.world.process;
    const name = sweeps[which];
    if (life.isOver) return;
    const work = async () => {
      if (name === 'backfill') await app.stripe.backfill();
      else if (name === 'reconcile') await app.stripe.reconcile({ repair: true });
      else await handlers.get('stripe.sweep')?.({} as never);
    };
    await this.world.turns.run(life, `${name}`, async () => {
      try {
        await work();
      } catch (error) {
        // It comes again by the clock where Stripe failed; there is nothing else that it may fail of.
        if (this.world.struck === 0 || !isStruck(error))
          this.faults.push(`${name} failed: ${error instanceof Error ? error.stack : String(error)}`);
      }
    });
  }

  /** The id that Stripe has for the customer now; null while it knows of none. */
  async stripeCustomer(): Promise<string | null> {
    const customers = await this.world.list<Stripe.Customer>('/v1/customers');
    return customers.find((each) => each.metadata['farebox_customer'] === this.customer)?.id ?? null;
  }

  async #saveCard(card: number): Promise<void> {
    const customer = await this.stripeCustomer();
    if (customer === null) return;
    const path = `/v1/payment_methods/${cards[card]?.literal}/attach`;
    const { json, status } = await this.world.stripe<Stripe.PaymentMethod>('POST', path, { customer });
    if (status === 200)
      await this.#ask('POST', `/v1/payment_methods/${json.id}/default?customer_id=${this.customer}`, {});
  }

  /** The holder of the card answers the bank. */
  async #authenticate(passes: boolean): Promise<void> {
    const customer = await this.stripeCustomer();
    if (customer === null) return;
    const intents = await this.world.list<Stripe.PaymentIntent>('/v1/payment_intents', { customer });
    const asking = intents.find((each) => each.status === 'requires_action');
    if (asking === undefined) return;
    const [intent, secret] = String(asking.client_secret).split('_secret_');
    const action = passes ? 'authenticate' : 'fail';
    await this.world.page(`http://stripe.local/3ds/${intent}/${secret}`, { action });
  }

  async #closeDispute(won: boolean): Promise<void> {
    const [dispute] = await this.world.list<Stripe.Dispute>('/v1/disputes');
    if (dispute === undefined) return;
    const evidence = { uncategorized_text: won ? 'winning_evidence' : 'losing_evidence' };
    await this.world.stripe('POST', `/v1/disputes/${dispute.id}`, { evidence, submit: true });
  }

  async #onInvoice(command: Extract<Command, { do: 'retry' | 'refund' }>): Promise<void> {
    const rows = await this.world.rows<{
      id: string;
      status: string;
      amount_paid_minor: number;
      amount_due_minor: number;
    }>(
      'select id, status, amount_paid_minor::int, amount_due_minor::int from invoice where customer_id = $1 order by stripe_created_at desc',
      [this.customer],
    );
    if (command.do === 'retry') {
      const owed = rows.find(({ status }) => status === 'open' || status === 'uncollectible');
      if (owed !== undefined) await this.#ask('POST', `/v1/invoices/${owed.id}/retry`, {});
      return;
    }
    const to = (['card', 'balance', 'invoice'] as const)[command.to];
    const wanted = to === 'invoice' ? 'open' : 'paid';
    const found = rows.find(({ status }) => status === wanted);
    if (found === undefined) return;
    const of = to === 'invoice' ? found.amount_due_minor : found.amount_paid_minor;
    const amount_minor = Math.max(1, Math.floor((of * command.permille) / 1000));
    if (to === 'invoice') await this.#ask('POST', `/v1/invoices/${found.id}/credit_notes`, { amount_minor });
    else await this.#ask('POST', `/v1/invoices/${found.id}/refund`, { to, amount_minor });
  }

  async #onSubscription(command: Command): Promise<void> {
    const rows = await this.world.rows<{ id: string }>(
      `select id from subscription where customer_id = $1
       order by superseded, ended_at is not null, stripe_created_at desc limit 1`,
      [this.customer],
    );
    const [held] = rows;
    if (held === undefined) return;
    this.wishes += 1;
    const of = `/v1/subscriptions/${held.id}`;
    switch (command.do) {
      case 'change': {
        const when = (['now', 'period_end', undefined] as const)[command.when];
        const plan_id = plans[command.plan];
        const body = {
          plan_id,
          ...(plan_id === 'team' ? { seats: command.seats } : {}),
          ...(when === undefined ? {} : { when }),
        };
        return void (await this.#ask('POST', `${of}/change`, body));
      }
      case 'seats':
        return void (await this.#ask('PATCH', `${of}/seats`, { seats: command.seats }));
      case 'undo':
        return void (await this.#ask('DELETE', `${of}/scheduled_change`));
      case 'cancel': {
        const body = { at: command.now ? 'now' : 'period_end', gives_back: command.gives_back };
        return void (await this.#ask('POST', `${of}/cancel`, body));
      }
      case 'trial': {
        const end_at =
          command.days === null
            ? 'now'
            : new Date(this.world.sandbox.clock.now() + command.days * 86_400_000).toISOString();
        return void (await this.#ask('POST', `${of}/trial`, { end_at }));
      }
      case 'coupon':
        return void (await this.#ask('POST', `${of}/coupons`, { code: codes[command.code] }));
      default:
        return void (await this.#ask('POST', `${of}/${command.do}`, {}));
    }
  }
}

function codeOf(code: number | null): { promotion_code?: string } {
  const promotion_code = code === null ? undefined : codes[code];
  return promotion_code === undefined ? {} : { promotion_code };
}
