import { formatMoney } from '@farebox/core';
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { formatCount } from '../../lib/format.ts';
import { get } from '../../lib/http.ts';
import type { AdminOverview } from '../../lib/wire.ts';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Kpi } from '../../ui/Kpi.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import classes from './RevenueCards.module.css';

function useOverview() {
  return useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => get<AdminOverview>('/v1/admin/overview', signal),
    refetchInterval: 10_000,
  });
}

/** The numbers an operator looks at first. */
export function RevenueCards() {
  const overview = useOverview();
  if (overview.isError && !overview.data)
    return <Fault what="Numbers" error={overview.error} retry={overview.refetch} />;
  const data = overview.data;
  const waiting = <Skeleton component="span" display="block" height={26} width={90} mt={7} />;
  const parked = data?.stripe_events.parked ?? 0;
  return (
    <div className={classes.cards}>
      <Kpi label="Monthly recurring revenue" value={data ? mrrWords(data) : waiting}>
        Base prices, without overage
      </Kpi>
      <Kpi label="Live subscriptions" value={data ? formatCount(data.live_subscriptions) : waiting}>
        <Link to="/admin/subscriptions">See all</Link>
      </Kpi>
      <Kpi label="Customers" value={data ? formatCount(data.customers) : waiting}>
        <Link to="/admin/customers">See all</Link>
      </Kpi>
      <Kpi label="Requests, 24 hours" value={data ? formatCount(data.requests_24h) : waiting}>
        Let through
      </Kpi>
      <Kpi
        label="Parked events"
        value={data ? formatCount(parked) : waiting}
        mark={parked > 0 ? <Status tone="bad">Look</Status> : null}
      >
        {parked > 0 ? (
          <Link to="/admin/events" search={{ state: 'parked' }}>
            Read why
          </Link>
        ) : (
          'All understood'
        )}
      </Kpi>
    </div>
  );
}

function mrrWords(overview: AdminOverview): string {
  if (overview.mrr.length === 0) return '–';
  return overview.mrr.map((one) => formatMoney(one.mrr_minor, one.currency, { trim: true })).join(' + ');
}

/** How the live subscriptions are spread over the plans. */
export function PlanShares() {
  const { data } = useOverview();
  const all = data?.plans.reduce((sum, plan) => sum + plan.subscriptions, 0) ?? 0;
  return (
    <Panel title="Subscriptions by plan">
      {data && all === 0 ? (
        <Empty title="No subscriptions yet">The first checkout makes the first one.</Empty>
      ) : (
        <ul className={classes.shares}>
          {(data?.plans ?? []).map((plan) => (
            <li key={plan.plan_id}>
              <span>{plan.plan_name}</span>
              <span className={classes.bar} aria-hidden="true">
                <span style={{ width: `${(plan.subscriptions / Math.max(all, 1)) * 100}%` }} />
              </span>
              <span className={classes.count}>{formatCount(plan.subscriptions)}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
