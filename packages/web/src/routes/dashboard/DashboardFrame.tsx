import {
  IconChartAreaLine,
  IconCreditCard,
  IconFileInvoice,
  IconKey,
  IconLayoutDashboard,
  IconShieldCog,
  IconWebhook,
} from '@tabler/icons-react';
import { Menu } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { UserMenu } from '../../features/accounts/UserMenu.tsx';
import { useSubscriptions } from '../../features/plan/api.ts';
import { namesWords } from '../../features/plan/plan-words.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me } from '../../lib/wire.ts';
import { ColorSchemeToggle } from '../../ui/ColorSchemeToggle.tsx';
import { type NavItem, Shell } from '../../ui/Shell.tsx';
import classes from './DashboardPage.module.css';

const overview: NavItem = { label: 'Overview', icon: IconLayoutDashboard, to: '/dashboard' };

const ofPlan: NavItem[] = [
  { label: 'Usage', icon: IconChartAreaLine, to: '/dashboard/usage' },
  { label: 'API keys', icon: IconKey, to: '/dashboard', hash: 'keys' },
  { label: 'Invoices', icon: IconFileInvoice, to: '/dashboard', hash: 'invoices' },
  { label: 'Plan', icon: IconCreditCard, to: '/dashboard', hash: 'plan' },
];

const webhooks: NavItem = { label: 'Webhooks', icon: IconWebhook, to: '/dashboard/webhooks' };

/** The frame of a customer's pages. */
export function DashboardFrame({ me, children }: { me: Me; children: ReactNode }) {
  const seller = useSeller();
  const live = useSubscriptions().data?.live ?? [];
  return (
    <Shell
      brand={seller?.name ?? ''}
      nav={live.length > 0 ? [overview, ...ofPlan, webhooks] : [overview, webhooks]}
      account={
        <div className={classes.account}>
          <strong>{me.customer?.name}</strong>
          <span>{planWords(live)}</span>
        </div>
      }
      mark={<ModeMark />}
      tools={
        <>
          <ColorSchemeToggle />
          <UserMenu user={me.user} portal={me.portal}>
            {me.operator ? (
              <Menu.Item component={Link} to="/admin" leftSection={<IconShieldCog size={16} />}>
                Operator pages
              </Menu.Item>
            ) : null}
          </UserMenu>
        </>
      }
    >
      {children}
    </Shell>
  );
}

function planWords(live: readonly { plan_name: string }[]): string {
  if (live.length === 0) return 'No active plan';
  return `${namesWords(live)} ${live.length === 1 ? 'plan' : 'plans'}`;
}
