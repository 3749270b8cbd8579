import { Skeleton } from '@mantine/core';
import { PageHead } from '../../ui/PageHead.tsx';
import classes from './DashboardPage.module.css';

/** The overview's shape while it is not known whether there is a subscription. */
export function Waiting() {
  return (
    <div className={classes.page} aria-busy="true">
      <PageHead title="Overview" lead="Loading" />
      <Skeleton height={118} radius="md" />
      <Skeleton height={330} radius="md" />
      <Skeleton height={220} radius="md" />
    </div>
  );
}
