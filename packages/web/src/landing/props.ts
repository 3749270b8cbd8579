import type { Feature } from '@farebox/core';
import type { PublicPlan, PublicSeller } from '../lib/wire.ts';

/** What the server gives `renderLanding`; everything on the page comes from here. */
export interface LandingProps {
  /** As `GET /v1/seller` answers it. */
  seller: PublicSeller;
  /** In the price list's order, as `GET /v1/plans` answers them. */
  plans: PublicPlan[];
  /** Every feature of the price list, in its order. */
  features: Pick<Feature, 'id' | 'name' | 'description'>[];
  /** Whether the visitor has a session; calls to action then lead to the dashboard. */
  signedIn: boolean;
  /** What just happened, for instance a checkout that was cancelled. */
  notice: { kind: 'error' | 'info'; text: string } | null;
}
