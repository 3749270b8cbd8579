import { IconMoodCheck } from '@tabler/icons-react';
import { formatMoment } from '../../lib/format.ts';
import type { UsageRejection } from '../../lib/wire-usage.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import { useRejections } from './api.ts';
import classes from './usage-events.module.css';

/** What came and was not taken, with the reason; of the customer who is signed in, or of one that is named. */
export function RejectionsPanel({ customerId }: { customerId?: string }) {
  const rejections = useRejections(customerId);
  return (
    <Panel title="Events not taken" id="rejections" flush>
      {rejections.isError && !rejections.rows ? (
        <Fault what="Events that were not taken" error={rejections.error} retry={rejections.refetch} />
      ) : (
        <DataTable
          label="Events not taken"
          columns={columns}
          rows={rejections.rows}
          keyOf={({ id }) => id}
          detail={({ reason }) => <p className={classes.why}>{reason}</p>}
          empty={
            <Empty title="Every event was taken" icon={<IconMoodCheck size={20} />}>
              What is sent and cannot be counted is shown here for 30 days, with the reason.
            </Empty>
          }
        />
      )}
      <LoadMore pages={rejections} />
    </Panel>
  );
}

const columns: Column<UsageRejection>[] = [
  {
    head: 'Event',
    cell: ({ event_id, code }) => (
      <TwoLines first={code.replaceAll('_', ' ')} second={<code>{event_id ?? 'no id'}</code>} />
    ),
  },
  { head: 'Came', align: 'right', cell: ({ received_at }) => formatMoment(received_at) },
];
