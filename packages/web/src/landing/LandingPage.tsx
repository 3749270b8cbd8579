import { shownPrice } from '../features/plan/plan-price.ts';
import { priceWords } from '../features/plan/plan-words.ts';
import type { PublicPlan } from '../lib/wire.ts';
import { Mark } from '../ui/Mark.tsx';
import { Facts } from './Facts.tsx';
import { planHref } from './plan-href.ts';
import { Pricing } from './Pricing.tsx';
import type { LandingProps } from './props.ts';
import { Questions } from './Questions.tsx';
import { Sample } from './Sample.tsx';

export function LandingPage(props: LandingProps) {
  const { seller, plans, signedIn, notice } = props;
  const featured = plans.find((plan) => plan.highlighted) ?? plans[0];
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <div className="wrap top-row">
          <a className="brand" href="/">
            <Mark />
            {seller.name}
          </a>
          <nav aria-label="Main">
            <a href="#pricing">Pricing</a>
            <a href="#questions">Questions</a>
            {signedIn ? (
              <a className="button quiet" href="/dashboard">
                Dashboard
              </a>
            ) : (
              <a className="button quiet" href="/sign-in">
                Sign in
              </a>
            )}
          </nav>
        </div>
      </header>
      <main id="main">
        {notice ? <Notice {...notice} /> : null}
        <Hero {...props} featured={featured} />
        <Facts />
        <Pricing {...props} />
        <Questions {...props} />
      </main>
      <footer className="foot">
        <div className="wrap foot-row">
          <p>
            <strong>{seller.name}</strong>
            <a href={`mailto:${seller.support_email}`}>{seller.support_email}</a>
          </p>
          <p className="powered">
            <Mark small /> powered by Farebox
          </p>
        </div>
      </footer>
    </>
  );
}

function Hero({ seller, signedIn, featured }: LandingProps & { featured: PublicPlan | undefined }) {
  return (
    <section className="hero wrap">
      <div className="hero-words">
        {seller.livemode ? null : <p className="pill">Test mode: no real money moves</p>}
        <h1>{seller.tagline}</h1>
        <p className="lead">{seller.description}</p>
        <p className="actions">
          {featured ? (
            <a className="button" href={planHref(featured, signedIn)}>
              Get an API key
            </a>
          ) : null}
          <a className="button quiet" href="#pricing">
            See pricing
          </a>
        </p>
        {featured ? (
          <p className="small">
            {featured.name} is {priceWords(shownPrice(featured))}. The first key is ready as soon as the payment is.
          </p>
        ) : null}
      </div>
      <Sample seller={seller} plan={featured} />
    </section>
  );
}

function Notice({ kind, text }: NonNullable<LandingProps['notice']>) {
  return (
    <div className="wrap">
      <p className={`notice ${kind}`} role="alert">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <circle cx="12" cy="12" r="9" />
          <path d={kind === 'error' ? 'M12 7.5v5.5M12 16.2v.1' : 'M12 11.2v5M12 7.8v.1'} />
        </svg>
        <span>{text}</span>
        <a href="#pricing">Choose a plan</a>
      </p>
    </div>
  );
}
