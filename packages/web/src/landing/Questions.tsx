import type { LandingProps } from './props.ts';

/** Answers that hold for every price list; what differs is read from it. */
export function Questions({ seller, plans }: LandingProps) {
  const unit = seller.meters[0]?.unit ?? 'request';
  const someRefuse = plans.some((plan) => plan.usage.some((usage) => usage.quota === 'hard'));
  const questions: [question: string, answer: string][] = [
    [
      `What counts as one ${unit}?`,
      `Every call your key is let through for. A call that is refused, for a rate limit or anything else, is not counted and costs nothing.`,
    ],
    [
      'What happens when the included amount is used up?',
      someRefuse
        ? 'It depends on the plan: either calls go on and the extra ones are billed at the price above, or they are refused until the next period. Each plan says which.'
        : 'Nothing breaks. Calls go on, and the extra ones are added to the next invoice at the price above. The dashboard shows the amount as it grows.',
    ],
    [
      'How do the rate limits work together?',
      'Each window has to have room. A call that does not fit is answered 429 with Retry-After and takes nothing from any of them. Limits are per customer, however many keys you use.',
    ],
    [
      'When am I billed?',
      'The base price at the start of each period, the overage of the past one with it. Every invoice is in your dashboard as a PDF, line by line.',
    ],
    ['Who sees my card?', 'Stripe does. Payment happens on Stripe’s page; no card number ever reaches this site.'],
    [
      'I leaked a key. Now what?',
      'Revoke it in the dashboard: it stops within a second. Create another one beside it first, if you cannot afford a gap.',
    ],
  ];
  return (
    <section className="questions wrap" id="questions" aria-labelledby="questions-title">
      <div>
        <h2 id="questions-title">Questions</h2>
        <p className="section-lead">
          Something else? <a href={`mailto:${seller.support_email}`}>{seller.support_email}</a>
        </p>
      </div>
      <div>
        {questions.map(([question, answer], index) => (
          <details key={question} open={index === 0}>
            <summary>
              {question}
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d="M12 6v12M6 12h12" />
              </svg>
            </summary>
            <p>{answer}</p>
          </details>
        ))}
      </div>
    </section>
  );
}
