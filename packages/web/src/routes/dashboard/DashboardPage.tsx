import { useSubscription } from '../../features/plan/api.ts';
import { isLive } from '../../features/plan/subscription-words.ts';
import type { Me } from '../../lib/wire.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Guard } from '../Guard.tsx';
import { DashboardFrame } from './DashboardFrame.tsx';
import { Overview } from './Overview.tsx';
import { Waiting } from './Waiting.tsx';
import { Welcome } from './Welcome.tsx';

export function DashboardPage() {
  return <Guard allow={(me) => me.customer !== null}>{(me) => <Dashboard me={me} />}</Guard>;
}

function Dashboard({ me }: { me: Me }) {
  const subscription = useSubscription();
  const live = subscription.data ? isLive(subscription.data) : false;
  return (
    <DashboardFrame me={me}>
      <Content me={me} live={live} subscription={subscription} />
    </DashboardFrame>
  );
}

interface ContentProps {
  me: Me;
  live: boolean;
  subscription: ReturnType<typeof useSubscription>;
}

function Content({ me, live, subscription }: ContentProps) {
  if (subscription.isError && subscription.data === undefined) {
    return <Fault what="Your plan" error={subscription.error} retry={subscription.refetch} />;
  }
  if (subscription.data === undefined) return <Waiting />;
  return live && subscription.data ? (
    <Overview me={me} subscription={subscription.data} />
  ) : (
    <Welcome me={me} ended={subscription.data} />
  );
}
