import { useSubscriptions } from '../../features/plan/api.ts';
import type { Me } from '../../lib/wire.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Guard } from '../Guard.tsx';
import { DashboardFrame } from './DashboardFrame.tsx';
import { Overview } from './Overview.tsx';
import { Waiting } from './Waiting.tsx';
import { Welcome } from './Welcome.tsx';

export function DashboardPage() {
  return (
    <Guard allow={(me) => me.customer !== null}>
      {(me) => (
        <DashboardFrame me={me}>
          <Content me={me} />
        </DashboardFrame>
      )}
    </Guard>
  );
}

function Content({ me }: { me: Me }) {
  const { data, isError, error, refetch } = useSubscriptions();
  if (data === undefined) return isError ? <Fault what="Your plan" error={error} retry={refetch} /> : <Waiting />;
  const [first, ...more] = data.live;
  if (first === undefined) return <Welcome me={me} ended={data.ended} />;
  return <Overview me={me} live={[first, ...more]} />;
}
