import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { formatMoment } from '../../lib/format.ts';
import { faultText, post } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import classes from './ClockPanel.module.css';

interface Step {
  label: string;
  body: { hours: number } | { days: number };
}

const steps: Step[] = [
  { label: '+1 hour', body: { hours: 1 } },
  { label: '+1 day', body: { days: 1 } },
  { label: '+31 days', body: { days: 31 } },
];

/** Moves the local Stripe's clock, and ours with it: what would happen in that time happens now. */
export function ClockPanel() {
  const queries = useQueryClient();
  const advance = useMutation({
    mutationFn: (step: Step) => post<{ now: string }>('/v1/test/clock/advance', step.body),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <Panel title="Move the clock" mark={<Status tone="warn">Test mode</Status>}>
      <p className={classes.words}>
        Renewals, invoices and failed payments happen as time passes. Here it passes at once, and only forwards.
      </p>
      <div className={classes.steps}>
        {steps.map((step) => (
          <Button
            key={step.label}
            variant="default"
            loading={advance.isPending && advance.variables.label === step.label}
            disabled={advance.isPending}
            onClick={() => advance.mutate(step)}
          >
            {step.label}
          </Button>
        ))}
      </div>
      <div className={classes.outcome} aria-live="polite">
        {advance.isPending ? 'Time passes: invoices are made and events delivered. This can take some seconds.' : null}
        {advance.data && !advance.isPending ? `It is now ${formatMoment(advance.data.now)}.` : null}
        {advance.isError ? <Notice tone="bad">{faultText(advance.error)}</Notice> : null}
      </div>
    </Panel>
  );
}
