import type { PublicPlan, PublicSeller } from '../lib/wire.ts';
import { sampleCommand, sampleHeaders, sampleLeft } from './sample.ts';

/** A request and its answer, as a terminal shows it. Always dark. */
export function Sample({ seller, plan }: { seller: PublicSeller; plan: PublicPlan | undefined }) {
  const [first = '', ...rest] = sampleCommand(seller);
  const left = plan ? sampleLeft(plan) : null;
  return (
    <figure className="terminal">
      <figcaption>
        <span className="lights" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        One request
      </figcaption>
      <pre tabIndex={0} aria-label="Example request and answer">
        <code>
          <span className="t-prompt">$ </span>
          <span className="t-command">{first}</span>
          {rest.map((line) => (
            <span className="t-command" key={line}>
              {' \\\n  '}
              {line}
            </span>
          ))}
          {'\n\n'}
          <span className="t-ok">HTTP/1.1 200 OK</span>
          {plan
            ? sampleHeaders(plan).map(([name, value]) => (
                <span key={name}>
                  {'\n'}
                  <span className="t-name">{name}:</span> {value}
                </span>
              ))
            : null}
          {'\n'}
          <span className="t-name">Content-Type:</span> application/json
          {'\n\n'}
          <span className="t-prompt">{'{ … }'}</span>
        </code>
      </pre>
      {left ? (
        <p className="terminal-foot">
          <span className="dot" aria-hidden="true" />
          {left} {seller.meters[0]?.unit ?? 'request'}s left this {plan?.usage[0]?.interval ?? 'month'}, and the answer
          says so
        </p>
      ) : null}
    </figure>
  );
}
