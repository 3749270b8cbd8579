import { Button, Modal, NativeSelect, SegmentedControl, Skeleton } from '@mantine/core';
import { useState } from 'react';
import { faultText } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import { ReasonList } from '../../ui/ReasonList.tsx';
import { type MigrationWish, useMigrate, useMigrationPreview } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import classes from './migrations.module.css';
import { previewWords } from './words.ts';

interface DialogProps {
  plan: { id: string; name: string };
  opened: boolean;
  onClose: () => void;
}

const whens = [
  { value: 'period_end', label: 'At the end of their period' },
  { value: 'now', label: 'Now' },
] as const;

const prorations = [
  { value: 'none', label: 'Not charged' },
  { value: 'create_prorations', label: 'On the next invoice' },
  { value: 'always_invoice', label: 'Collected at once' },
] as const;

/** Says whom it moves and what that is worth before anything happens. */
export function MigrateDialog({ plan, opened, onClose }: DialogProps) {
  const [wish, setWish] = useState<MigrationWish>({ when: 'period_end', proration_behavior: 'none' });
  const preview = useMigrationPreview(plan.id, wish, opened);
  const migrate = useMigrate(plan.id);
  const stay = preview.data?.customers.filter((one) => one.outcome !== 'move') ?? [];
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={migrate.reset}
      size="lg"
      title={`Move customers of ${plan.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className={dialog.form}>
        {migrate.isError ? <Notice tone="bad">{faultText(migrate.error)}</Notice> : null}
        {preview.isError ? <Notice tone="bad">{faultText(preview.error)}</Notice> : null}
        <SegmentedControl
          data={[...whens]}
          value={wish.when}
          onChange={(when) => setWish({ when, proration_behavior: 'none' })}
          aria-label="When they move"
        />
        {wish.when === 'now' ? (
          <NativeSelect
            label="The difference for the rest of the period"
            data={[...prorations]}
            value={wish.proration_behavior}
            onChange={(event) => setWish({ ...wish, proration_behavior: prorationOf(event.currentTarget.value) })}
          />
        ) : null}
        {preview.data === undefined ? (
          <Skeleton height={48} radius="md" />
        ) : (
          previewWords(preview.data).map((sentence) => (
            <p key={sentence} className={classes.text}>
              {sentence}
            </p>
          ))
        )}
        {stay.length === 0 ? null : (
          <ReasonList label="Who stays" rows={stay.map(({ customer_id, reason }) => ({ id: customer_id, reason }))} />
        )}
      </div>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus>
          Back
        </Button>
        <Button
          loading={migrate.isPending}
          disabled={preview.data === undefined || preview.data.moves === 0}
          onClick={() => migrate.mutate(wish, { onSuccess: onClose })}
        >
          {preview.data === undefined ? 'Move them' : `Move ${preview.data.moves}`}
        </Button>
      </div>
    </Modal>
  );
}

function prorationOf(value: string): MigrationWish['proration_behavior'] {
  return prorations.find((one) => one.value === value)?.value ?? 'none';
}
