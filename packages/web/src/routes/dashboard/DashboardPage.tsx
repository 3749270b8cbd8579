import {
  IconChartAreaLine,
  IconCreditCard,
  IconFileInvoice,
  IconKey,
  IconLayoutDashboard,
  IconShieldCog,
} from '@tabler/icons-react';
import { Menu } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { UserMenu } from '../../features/accounts/UserMenu.tsx';
import { useSubscription } from '../../features/plan/api.ts';
import { isLive } from '../../features/plan/subscription-words.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me } from '../../lib/wire.ts';
import { ColorSchemeToggle } from '../../ui/ColorSchemeToggle.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { type NavItem, Shell } from '../../ui/Shell.tsx';
import { Guard } from '../Guard.tsx';
import classes from './DashboardPage.module.css';
import { Overview } from './Overview.tsx';
import { Waiting } from './Waiting.tsx';
import { Welcome } from './Welcome.tsx';

const nav: NavItem[] = [
  { label: 'Overview', icon: IconLayoutDashboard, to: '/dashboard' },
  { label: 'Usage', icon: IconChartAreaLine, to: '/dashboard', hash: 'usage' },
  { label: 'API keys', icon: IconKey, to: '/dashboard', hash: 'keys' },
  { label: 'Invoices', icon: IconFileInvoice, to: '/dashboard', hash: 'invoices' },
  { label: 'Plan', icon: IconCreditCard, to: '/dashboard', hash: 'plan' },
];

export function DashboardPage() {
  return <Guard allow={(me) => me.customer !== null}>{(me) => <Dashboard me={me} />}</Guard>;
}

function Dashboard({ me }: { me: Me }) {
  const seller = useSeller();
  const subscription = useSubscription();
  const live = subscription.data ? isLive(subscription.data) : false;
  return (
    <Shell
      brand={seller?.name ?? ''}
      nav={live ? nav : nav.slice(0, 1)}
      account={
        <div className={classes.account}>
          <strong>{me.customer?.name}</strong>
          <span>{live ? `${subscription.data?.plan_name} plan` : 'No active plan'}</span>
        </div>
      }
      mark={<ModeMark />}
      tools={
        <>
          <ColorSchemeToggle />
          <UserMenu user={me.user}>
            {me.operator ? (
              <Menu.Item component={Link} to="/admin" leftSection={<IconShieldCog size={16} />}>
                Operator pages
              </Menu.Item>
            ) : null}
          </UserMenu>
        </>
      }
    >
      <Content me={me} live={live} subscription={subscription} />
    </Shell>
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
