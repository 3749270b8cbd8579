/** Who writes: the seller, never Farebox. */
export interface Brand {
  seller_name: string;
  support_email: string;
}

/** What each kind of mail is told. Amounts and dates come formatted; addresses are `http` or `https`. */
export interface MailData {
  /** Asks somebody who signed up to prove that the address is theirs. */
  verify_address: { name: string; url: string };
  /** Lets somebody who forgot the password set a new one. */
  reset_password: { name: string; url: string };
  /** The first subscription has begun; the key itself is shown in the dashboard only. */
  welcome: { name: string; plan_name: string; key_start: string | null; dashboard_url: string; api_url: string };
  /** An invoice was paid. */
  receipt: {
    name: string;
    invoice_number: string;
    amount: string;
    paid_on: string;
    lines: { description: string; amount: string }[];
    invoice_url: string | null;
    pdf_url: string | null;
  };
  /** Another subscription has begun, of who has a key already. */
  subscription_confirmed: {
    name: string;
    plan_name: string;
    price: string;
    next_payment_on: string;
    dashboard_url: string;
  };
  /** What the next invoice will come to. `has_usage`: what is used until then is added. */
  upcoming_invoice: {
    name: string;
    plan_name: string;
    renews_on: string;
    amount: string;
    lines: { description: string; amount: string }[];
    has_usage: boolean;
    dashboard_url: string;
  };
  /** Another plan, interval or number of seats counts from now. `amount`: what was paid for the rest of the period. */
  plan_changed: { name: string; plan_name: string; price: string; amount: string | null; dashboard_url: string };
  /** A change is arranged for the end of the period. */
  change_scheduled: { name: string; plan_name: string; price: string; starts_on: string; dashboard_url: string };
  /** A payment was refused. `consequence` says what happens to access, and when. */
  payment_failed: {
    name: string;
    amount: string;
    reason: string | null;
    next_attempt_on: string | null;
    consequence: string;
    pay_url: string;
  };
  /** The bank wants to ask the customer. */
  action_required: { name: string; amount: string; pay_url: string };
  /** Access is about to stop. */
  final_notice: { name: string; amount: string; stops_on: string; pay_url: string };
  /** What was owed is paid. */
  access_restored: { name: string; plan_name: string; dashboard_url: string };
  subscription_paused: { name: string; plan_name: string; dashboard_url: string };
  subscription_resumed: { name: string; plan_name: string; dashboard_url: string };
  /** It runs until `ends_on`, and the cancellation can be undone until then. */
  cancellation_confirmed: { name: string; plan_name: string; ends_on: string; dashboard_url: string };
  subscription_ended: { name: string; plan_name: string; dashboard_url: string };
  /** A trial ends in a few days and the first payment follows. */
  trial_ending: { name: string; plan_name: string; price: string; ends_on: string; dashboard_url: string };
  /** A trial is over and the subscription goes on, paid. */
  trial_ended: { name: string; plan_name: string; price: string; dashboard_url: string };
  /** Money went back to the card. */
  refund_issued: { name: string; amount: string; dashboard_url: string };
  /** The card that pays is no longer good when the next payment is due. `card`: `Visa •••• 4242`. */
  card_expiring: {
    name: string;
    plan_name: string;
    card: string;
    expires_on: string;
    next_payment_on: string;
    dashboard_url: string;
  };
  /** A member made a key. */
  key_created: { name: string; key_name: string; key_start: string; dashboard_url: string };
  /** A key ends in a few days. */
  key_expiring: { name: string; key_name: string; key_start: string; stops_at: string; dashboard_url: string };
  /** A key has a new secret; the one that began with `key_start` stops at `stops_at`. */
  key_rotated: { name: string; key_name: string; key_start: string; stops_at: string; dashboard_url: string };
  /** Of usage, a quota, a cap or credit. `about`: which customer, where it is told to the seller. */
  usage_alert: { name: string; about: string | null; title: string; sentence: string; dashboard_url: string };
  /** Credit that is bought by itself was not. `next` says whether it is tried again. */
  top_up_failed: { name: string; amount: string; reason: string; next: string; dashboard_url: string };
  /** Something the seller should know. */
  operator_notice: {
    title: string;
    sentence: string;
    rows: { description: string; amount: string }[];
    page_url: string;
  };
  /** A webhook endpoint was switched off: it took nothing since `failing_since_on`, or said that it is gone. */
  webhook_disabled: {
    name: string;
    url: string;
    is_gone: boolean;
    failing_since_on: string;
    webhooks_url: string;
  };
  /** A key was found in public. `place`: the address it was found at; `consequence`: what was done about it. */
  key_leaked: {
    name: string;
    key_name: string;
    key_start: string;
    place: string | null;
    consequence: string;
    dashboard_url: string;
  };
}

export type MailKind = keyof MailData;

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
}
