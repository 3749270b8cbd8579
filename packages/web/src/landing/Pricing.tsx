import { formatMoney } from '@farebox/core';
import type { ReactNode } from 'react';
import { shownPrice } from '../features/plan/plan-price.ts';
import {
  byGroup,
  chooseWords,
  featuresBeside,
  groupName,
  includedWords,
  limitWords,
  overageWords,
  planMinimumWords,
  priceNotes,
} from '../features/plan/plan-words.ts';
import type { PublicPlan } from '../lib/wire.ts';
import { planHref } from './plan-href.ts';
import type { LandingProps } from './props.ts';

export function Pricing(props: LandingProps) {
  const groups = byGroup(props.plans);
  return (
    <section className="pricing wrap" id="pricing" aria-labelledby="pricing-title">
      <h2 id="pricing-title">Pricing</h2>
      <p className="section-lead">
        {groups.length > 1
          ? 'A base price with usage included. Past it you pay for what you use, in arrears. Take one plan of each kind that you need.'
          : 'A base price with requests included. Past them you pay for what you use, in arrears.'}
      </p>
      {groups.map(([group, plans]) => (
        <PlansOf key={group} group={groups.length > 1 ? group : null} name={groupName(props.seller.groups, group)}>
          {plans.map((plan) => (
            <PlanCard key={plan.id} plan={plan} level={groups.length > 1 ? 'h4' : 'h3'} {...props} />
          ))}
        </PlansOf>
      ))}
    </section>
  );
}

/** The plans of one group; with its name where there are several. */
function PlansOf({ group, name, children }: { group: string | null; name: string; children: ReactNode }) {
  if (group === null) return <div className="plans">{children}</div>;
  const titleId = `group-${group}`;
  return (
    <section className="plan-group" aria-labelledby={titleId}>
      <h3 id={titleId}>{name}</h3>
      <div className="plans">{children}</div>
    </section>
  );
}

interface PlanCardProps extends LandingProps {
  plan: PublicPlan;
  /** Of its heading. */
  level: 'h3' | 'h4';
}

function PlanCard({ plan, level: Heading, seller, plans, features, signedIn }: PlanCardProps) {
  const titleId = `plan-${plan.id}`;
  const price = shownPrice(plan);
  const { amount_minor, currency, interval } = price;
  return (
    <article className={plan.highlighted ? 'plan highlighted' : 'plan'} aria-labelledby={titleId}>
      <header>
        <Heading id={titleId}>{plan.name}</Heading>
        {plan.highlighted ? <span className="tag">Most popular</span> : null}
      </header>
      <p className="price">
        <strong>{formatMoney(amount_minor, currency, { trim: true })}</strong> / {interval}
      </p>
      <PriceNotes notes={priceNotes(plan, price)} />
      <p className="plan-words">{plan.description}</p>
      <a className={plan.highlighted ? 'button' : 'button quiet'} href={planHref(plan, signedIn)}>
        {chooseWords(plan)}
      </a>
      <dl>
        {plan.usage.map((usage) => {
          const meter = seller.meters.find((one) => one.id === usage.meter_id);
          return (
            <div key={usage.meter_id}>
              <dt>Included</dt>
              <dd className="strong">{includedWords(usage, meter)}</dd>
              <dt>Past that</dt>
              {overageWords(usage, meter, currency).map((line) => (
                <dd key={line}>{line}</dd>
              ))}
            </div>
          );
        })}
        {planMinimumWords(plan, currency).map((line) => (
          <div key={line}>
            <dt>Minimum</dt>
            <dd>{line}</dd>
          </div>
        ))}
        {plan.limits.length === 0 ? null : (
          <div>
            <dt>Rate limits</dt>
            <dd>{plan.limits.map(limitWords).join(' · ')}</dd>
          </div>
        )}
      </dl>
      <ul>
        {featuresBeside(plan, plans, features).map((feature) => (
          <FeatureLine
            key={feature.id}
            name={feature.name}
            description={feature.description}
            enabled={plan.features.some((one) => one.id === feature.id && one.enabled)}
          />
        ))}
      </ul>
    </article>
  );
}

function PriceNotes({ notes }: { notes: string[] }) {
  // There also where there is nothing to say: the cards of a row share their lines.
  return <p className="price-notes">{notes.join(' · ')}</p>;
}

function FeatureLine({ name, description, enabled }: { name: string; description: string; enabled: boolean }) {
  return (
    <li className={enabled ? 'yes' : 'no'}>
      <svg viewBox="0 0 24 24" role="img" aria-label={enabled ? 'Included:' : 'Not included:'}>
        <path d={enabled ? 'M5 12.5l4.5 4.5L19 7.5' : 'M7 7l10 10M17 7L7 17'} />
      </svg>
      <span>
        {name}
        {description === '' ? null : <small>{description}</small>}
      </span>
    </li>
  );
}
