import { Button } from '@mantine/core';
import { faultText } from '../../lib/http.ts';
import { CodeLine } from '../../ui/CodeLine.tsx';
import { CopyButton } from '../../ui/CopyButton.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { ReasonList } from '../../ui/ReasonList.tsx';
import { useProposal } from './api.ts';
import classes from './imports.module.css';

/** Products of this Stripe account that could be plans, as code to paste. */
export function ProposalPanel() {
  const proposal = useProposal();
  const found = proposal.data;
  return (
    <Panel
      title="Products as plans"
      actions={
        <Button size="xs" variant="default" loading={proposal.isPending} onClick={() => proposal.mutate()}>
          Look at Stripe
        </Button>
      }
    >
      <div className={classes.proposal}>
        {proposal.isError ? <Notice tone="bad">{faultText(proposal.error)}</Notice> : null}
        {found === undefined ? (
          <p className={classes.text}>
            What is sold at Stripe and is not in the price list, as a price list with it. Publish that with{' '}
            <code>farebox push</code>, then take over.
          </p>
        ) : null}
        {found !== undefined && found.plan_ids.length === 0 ? (
          <Notice tone="good">Every product that a plan can be is in the price list.</Notice>
        ) : null}
        {found !== undefined && found.plan_ids.length > 0 ? (
          <>
            <div className={classes.found}>
              <p className={classes.text}>New: {found.plan_ids.join(', ')}.</p>
              <CopyButton text={found.source} label="Copy the price list" />
            </div>
            <div className={classes.code}>
              <CodeLine label="The price list" text={found.source} />
            </div>
          </>
        ) : null}
        {found === undefined || found.skipped.length === 0 ? null : (
          <ReasonList
            label="What no plan can be"
            rows={found.skipped.map(({ object_id, name, reason }) => ({ id: object_id, reason: `${name}: ${reason}` }))}
          />
        )}
      </div>
    </Panel>
  );
}
