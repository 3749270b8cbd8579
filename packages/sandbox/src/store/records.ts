import type { IntervalUnit, SubscriptionRecord } from './subscription-records.ts';
import type { PortalConfigurationRecord, PortalSessionRecord } from './portal-records.ts';
import type { CheckoutSessionRecord } from './checkout-records.ts';
import type {
  DeliveryRecord,
  EventRecord,
  FaultRecord,
  IdempotencyRecord,
  JobRecord,
  SettingRecord,
  TestClockRecord,
  WebhookEndpointRecord,
} from './machinery.ts';
import type { InvoiceItemRecord, InvoicePaymentRecord, InvoiceRecord } from './invoice-records.ts';
import type { ScheduleRecord } from './schedule-records.ts';
import type {
  BalanceTransactionRecord,
  CouponRecord,
  CreditNoteRecord,
  DiscountRecord,
  PromotionCodeRecord,
  TaxIdRecord,
  TaxRateRecord,
} from './money-records.ts';
import type {
  AccountTransactionRecord,
  ChargeRecord,
  ConfirmationTokenRecord,
  DisputeRecord,
  MandateRecord,
  PaymentIntentRecord,
  RefundRecord,
  SetupAttemptRecord,
  SetupIntentRecord,
  ShippingRecord,
  TokenRecord,
} from './payment-records.ts';
import type {
  AlertRecord,
  CreditGrantRecord,
  CreditTransactionRecord,
  EventDestinationRecord,
  MeterEventRecord,
  MeterIdentifierRecord,
  MeterRecord,
  MeterSessionRecord,
  ThinEventRecord,
} from './usage-records.ts';

export type {
  InvoiceItemRecord,
  InvoicePaymentRecord,
  InvoiceRecord,
  InvoiceStatus,
  LineRecord,
} from './invoice-records.ts';

export type * from './checkout-records.ts';

export type * from './payment-records.ts';

export type * from './portal-records.ts';

export type * from './subscription-records.ts';

/** Metadata as kept and answered. */
export type Metadata = Record<string, string>;

/** Seconds since 1970, as in Stripe's objects. Fields of the sandbox's own records say `_ms` where they hold milliseconds. */
export type Seconds = number;

export interface Address {
  city: string | null;
  country: string | null;
  line1: string | null;
  line2: string | null;
  postal_code: string | null;
  state: string | null;
}

export interface ProductRecord {
  id: string;
  created: Seconds;
  updated: Seconds;
  active: boolean;
  name: string;
  description: string | null;
  default_price: string | null;
  images: string[];
  marketing_features: string[];
  metadata: Metadata;
  statement_descriptor: string | null;
  tax_code: string | null;
  unit_label: string | null;
  url: string | null;
  package_dimensions?: { height: number; length: number; weight: number; width: number } | null;
  shippable?: boolean | null;
}

export interface Tier {
  up_to: number | null;
  unit_amount_decimal: string | null;
  flat_amount_decimal: string | null;
}

export interface PriceRecord {
  id: string;
  created: Seconds;
  active: boolean;
  billing_scheme: 'per_unit' | 'tiered';
  currency: string;
  lookup_key: string | null;
  metadata: Metadata;
  nickname: string | null;
  product: string;
  recurring: {
    interval: IntervalUnit;
    interval_count: number;
    /** The meter whose usage it bills, in arrears; absent where a quantity is billed in advance. */
    meter?: string;
  } | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
  tiers: Tier[] | null;
  tiers_mode: 'graduated' | 'volume' | null;
  /** Packages: the quantity is divided and rounded before it is priced. */
  transform_quantity?: { divide_by: number; round: 'down' | 'up' } | null;
  unit_amount_decimal: string | null;
  /** The same price in other currencies. */
  currency_options?: Record<string, CurrencyOption>;
}

/** A price in one more currency. */
export interface CurrencyOption {
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
  tiers: Tier[] | null;
  unit_amount_decimal: string | null;
}

export interface CustomerRecord {
  id: string;
  created: Seconds;
  deleted: boolean;
  address: Address | null;
  balance: number;
  business_name: string | null;
  currency: string | null;
  default_payment_method: string | null;
  delinquent: boolean;
  description: string | null;
  email: string | null;
  individual_name: string | null;
  invoice_prefix: string;
  metadata: Metadata;
  name: string | null;
  next_invoice_sequence: number;
  phone: string | null;
  preferred_locales: string[];
  /** What invoices made for the customer say, where they do not say it themselves. */
  invoice_custom_fields?: { name: string; value: string }[] | null;
  invoice_footer?: string | null;
  shipping?: ShippingRecord | null;
  tax_exempt: 'exempt' | 'none' | 'reverse';
  test_clock: string | null;
}

export interface BillingDetails {
  address: Address | null;
  email: string | null;
  name: string | null;
  phone: string | null;
}

export interface PaymentMethodRecord {
  id: string;
  created: Seconds;
  allow_redisplay: 'always' | 'limited' | 'unspecified';
  billing_details: BillingDetails;
  /** The test card's number; decides how it behaves. */
  card_number: string;
  exp_month: number;
  exp_year: number;
  customer: string | null;
  metadata: Metadata;
  /** The customer authenticated this card for later charges. */
  authenticated: boolean;
}

/** Every kind of record and its type. */
export interface Records {
  product: ProductRecord;
  price: PriceRecord;
  customer: CustomerRecord;
  payment_method: PaymentMethodRecord;
  payment_intent: PaymentIntentRecord;
  charge: ChargeRecord;
  refund: RefundRecord;
  subscription: SubscriptionRecord;
  subscription_schedule: ScheduleRecord;
  invoice: InvoiceRecord;
  invoice_item: InvoiceItemRecord;
  invoice_payment: InvoicePaymentRecord;
  checkout_session: CheckoutSessionRecord;
  coupon: CouponRecord;
  promotion_code: PromotionCodeRecord;
  discount: DiscountRecord;
  tax_rate: TaxRateRecord;
  tax_id: TaxIdRecord;
  balance_transaction: BalanceTransactionRecord;
  credit_note: CreditNoteRecord;
  dispute: DisputeRecord;
  setup_intent: SetupIntentRecord;
  setup_attempt: SetupAttemptRecord;
  mandate: MandateRecord;
  token: TokenRecord;
  confirmation_token: ConfirmationTokenRecord;
  account_transaction: AccountTransactionRecord;
  portal_configuration: PortalConfigurationRecord;
  portal_session: PortalSessionRecord;
  meter: MeterRecord;
  meter_event: MeterEventRecord;
  meter_identifier: MeterIdentifierRecord;
  meter_session: MeterSessionRecord;
  credit_grant: CreditGrantRecord;
  credit_transaction: CreditTransactionRecord;
  alert: AlertRecord;
  event_destination: EventDestinationRecord;
  thin_event: ThinEventRecord;
  event: EventRecord;
  webhook_endpoint: WebhookEndpointRecord;
  delivery: DeliveryRecord;
  job: JobRecord;
  test_clock: TestClockRecord;
  fault: FaultRecord;
  idempotency: IdempotencyRecord;
  setting: SettingRecord;
}

/** The name of a kind of record. */
export type Kind = keyof Records;
