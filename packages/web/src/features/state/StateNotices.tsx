import { useNow } from '../../lib/session.ts';
import type { CustomerState } from '../../lib/wire-state.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useCustomerState } from './api.ts';
import { alertSentence, dunningCourse } from './state-words.ts';
import classes from './state.module.css';

/** What a customer should know today. Nothing is shown while all is well. */
export function StateNotices({ customerId }: { customerId: string }) {
  const state = useCustomerState(customerId);
  if (state.data === undefined) return null;
  const { subscriptions, alerts, dunning } = state.data;
  // Which one is said where there are several.
  const planOf = (group: string | undefined) =>
    subscriptions.length > 1 ? (subscriptions.find((each) => each.group === group)?.plan_name ?? null) : null;
  const told = new Map(
    alerts.flatMap((alert) => {
      const sentence = alertSentence(alert, planOf(alert.group));
      return sentence === null ? [] : [[sentence.title, sentence]];
    }),
  );
  const owing = planOf(dunning?.group);
  return (
    <>
      <DunningNotice
        state={state.data}
        title={`Your last payment${owing === null ? '' : ` for ${owing}`} failed. Pay the open invoice, and everything is back at once.`}
      />
      {[...told.values()].map(({ tone, title, text }) => (
        <Notice key={title} tone={tone} title={title}>
          {text}
        </Notice>
      ))}
    </>
  );
}

/** The course of a payment that is owed, for whoever looks: the customer or the seller's people. */
export function DunningNotice({ state, title }: { state: CustomerState; title: string }) {
  const now = useNow();
  if (state.dunning === null) return null;
  const course = dunningCourse(state.dunning, now);
  return (
    <Notice tone={state.access === 'granted' ? 'warn' : 'bad'} title={title}>
      <ol className={classes.course} aria-label="What happens while nothing is paid">
        {course.map(({ step, when, words, state: place }) => (
          <li key={step} data-state={place} aria-current={place === 'now' ? 'step' : undefined}>
            <time>{when}</time>
            <span>
              {words}
              {place === 'now' ? <strong> Now.</strong> : null}
            </span>
          </li>
        ))}
      </ol>
    </Notice>
  );
}
