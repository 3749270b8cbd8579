/** What became of the objects of one kind. */
export interface ImportCounts {
  made: number;
  linked: number;
  known: number;
  skipped: number;
}

/** One of `GET /v1/admin/stripe_imports`. */
export interface StripeImport {
  id: string;
  dry_run: boolean;
  state: 'running' | 'done' | 'failed';
  failure: string | null;
  /** Ids of Stripe's prices or products, and the plans they are. */
  choices: Record<string, string>;
  customers: ImportCounts;
  subscriptions: ImportCounts;
  created_at: string;
  ended_at: string | null;
}

/** One of `GET /v1/admin/stripe_imports/{id}/items`. */
export interface StripeImportItem {
  object_id: string;
  outcome: 'made' | 'linked' | 'known' | 'skipped';
  customer_id: string | null;
  reason: string | null;
}

/** `GET /v1/admin/plan_proposal` */
export interface PlanProposal {
  plan_ids: string[];
  source: string;
  skipped: { object_id: string; name: string; reason: string }[];
}
