import {
  IconActivity,
  IconArrowsLeftRight,
  IconBolt,
  IconLayoutDashboard,
  IconReceipt,
  IconScale,
  IconTags,
  IconUsers,
  IconWebhook,
} from '@tabler/icons-react';
import { Outlet } from '@tanstack/react-router';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { UserMenu } from '../../features/accounts/UserMenu.tsx';
import { useSeller } from '../../lib/session.ts';
import { ColorSchemeToggle } from '../../ui/ColorSchemeToggle.tsx';
import { type NavItem, Shell } from '../../ui/Shell.tsx';
import { Guard } from '../Guard.tsx';
import classes from './admin.module.css';

const nav: NavItem[] = [
  { label: 'Overview', icon: IconLayoutDashboard, to: '/admin' },
  { label: 'Customers', icon: IconUsers, to: '/admin/customers' },
  { label: 'Plans', icon: IconTags, to: '/admin/plans' },
  { label: 'Subscriptions', icon: IconReceipt, to: '/admin/subscriptions' },
  { label: 'Answers', icon: IconActivity, to: '/admin/answers' },
  { label: 'Events', icon: IconBolt, to: '/admin/events' },
  { label: 'Webhooks', icon: IconWebhook, to: '/admin/webhooks' },
  { label: 'Closing', icon: IconScale, to: '/admin/closing' },
  { label: 'Stripe', icon: IconArrowsLeftRight, to: '/admin/reconciliation' },
];

export function AdminLayout() {
  const seller = useSeller();
  return (
    <Guard allow={(me) => me.operator !== null}>
      {(me) => (
        <Shell
          brand={seller?.name ?? ''}
          nav={nav}
          account={<p className={classes.role}>Operator</p>}
          mark={<ModeMark />}
          tools={
            <>
              <ColorSchemeToggle />
              <UserMenu user={me.user} />
            </>
          }
        >
          <Outlet />
        </Shell>
      )}
    </Guard>
  );
}
