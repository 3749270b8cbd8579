import { formatMoney } from '@farebox/core';
import { Button, Skeleton } from '@mantine/core';
import { IconCoins } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { formatDay, formatMoment } from '../../lib/format.ts';
import { useSeller } from '../../lib/session.ts';
import type { CreditEntry, CreditGrant } from '../../lib/wire-credits.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { AutoTopUpPart } from './AutoTopUpPart.tsx';
import { GrantDialog } from './GrantDialog.tsx';
import { TakeBackDialog } from './TakeBackDialog.tsx';
import { TopUpDialog } from './TopUpDialog.tsx';
import { useCreditBalance, useGrants, useHeld, useLedger } from './api.ts';
import { balanceWords, entryWords, grantState, spanWords } from './credit-words.ts';
import classes from './credits.module.css';

/** The customer's own credit, and where it is bought; nothing for who never had any where none is sold. */
export function OwnCredits({ customerId }: { customerId: string }) {
  const grants = useGrants(customerId);
  const seller = useSeller();
  const [opened, setOpened] = useState(false);
  const terms = seller?.top_ups ?? null;
  if (seller === undefined || terms === null)
    return grants.rows === undefined || grants.rows.length === 0 ? null : <Credits customerId={customerId} />;
  return (
    <>
      <Credits
        customerId={customerId}
        actions={
          <Button size="xs" onClick={() => setOpened(true)}>
            Top up
          </Button>
        }
        automatic={<AutoTopUpPart customerId={customerId} owner="customer" terms={terms} />}
      />
      <TopUpDialog
        customerId={customerId}
        terms={terms}
        currency={seller.currency}
        opened={opened}
        onClose={() => setOpened(false)}
      />
    </>
  );
}

/** One customer's credit for operators, who give it and take it back. */
export function CustomerCredits({ customerId }: { customerId: string }) {
  const [opened, setOpened] = useState(false);
  const [asked, setAsked] = useState<CreditGrant | null>(null);
  const terms = useSeller()?.top_ups ?? null;
  const give = (
    <Button size="xs" variant="default" onClick={() => setOpened(true)}>
      Give credit
    </Button>
  );
  return (
    <>
      <Credits
        customerId={customerId}
        actions={give}
        automatic={terms === null ? null : <AutoTopUpPart customerId={customerId} owner="seller" terms={terms} />}
        buttonOf={(grant) =>
          grant.remaining_minor > 0 ? (
            <Button size="compact-xs" variant="subtle" onClick={() => setAsked(grant)}>
              Take back<span className="visually-hidden"> {grant.name}</span>
            </Button>
          ) : null
        }
      />
      <GrantDialog customerId={customerId} opened={opened} onClose={() => setOpened(false)} />
      {asked === null ? null : (
        <TakeBackDialog key={asked.id} customerId={customerId} grant={asked} onClosed={() => setAsked(null)} />
      )}
    </>
  );
}

interface CreditsProps {
  customerId: string;
  actions?: ReactNode;
  /** Whether it is bought by itself. */
  automatic?: ReactNode;
  buttonOf?: (grant: CreditGrant) => ReactNode;
}

const columns: Column<CreditEntry>[] = [
  { head: 'When', cell: (entry) => formatDay(entry.created_at) },
  { head: 'What', cell: (entry) => `${entryWords(entry)}: ${entry.grant_name}` },
  {
    head: 'Amount',
    align: 'right',
    cell: (entry) => `${entry.amount_minor > 0 ? '+' : ''}${formatMoney(entry.amount_minor, entry.currency)}`,
  },
];

function Credits({ customerId, actions, automatic, buttonOf }: CreditsProps) {
  const balance = useCreditBalance(customerId);
  const grants = useGrants(customerId);
  const ledger = useLedger(customerId);
  const shown = grants.rows?.filter(({ state }) => state === 'active' || state === 'scheduled');
  return (
    <Panel title="Credit" id="credits" actions={actions} flush>
      <div className={classes.head}>
        {balance.isError ? <Fault what="The credit" error={balance.error} retry={balance.refetch} /> : null}
        {balance.isPending ? <Skeleton height={44} /> : null}
        {balance.data === undefined ? null : (
          <p>
            <strong>{formatMoney(balance.data.available_minor, balance.data.currency)}</strong>
            <span> left for usage beyond what the plan includes. {balanceWords(balance.data)}</span>
          </p>
        )}
        {shown === undefined || shown.length === 0 ? null : (
          <ul aria-label="Grants">
            {shown.map((grant) => (
              <li key={grant.id}>
                <div>
                  <strong>{grant.name}</strong>
                  <span>
                    {formatMoney(grant.remaining_minor, grant.currency)} of{' '}
                    {formatMoney(grant.amount_minor, grant.currency)} {spanWords(grant)}
                  </span>
                </div>
                <Status tone={grantState(grant).tone}>{grantState(grant).label}</Status>
                {buttonOf?.(grant)}
              </li>
            ))}
          </ul>
        )}
        <HeldList customerId={customerId} />
        {automatic}
      </div>
      {ledger.isError && !ledger.rows ? (
        <Fault what="The ledger" error={ledger.error} retry={ledger.refetch} />
      ) : (
        <DataTable
          label="Ledger"
          columns={columns}
          rows={ledger.rows}
          keyOf={(entry) => entry.id}
          empty={
            <Empty title="No credit yet" icon={<IconCoins size={20} />}>
              Credit pays for usage before the card does.
            </Empty>
          }
        />
      )}
      <LoadMore pages={ledger} />
    </Panel>
  );
}

/** Work that credit is held for; nothing where none goes on. */
function HeldList({ customerId }: { customerId: string }) {
  const held = useHeld(customerId);
  if (held.isError && !held.rows) return <Fault what="What is held" error={held.error} retry={held.refetch} />;
  if (held.rows === undefined || held.rows.length === 0) return null;
  return (
    <>
      <ul aria-label="Held">
        {held.rows.map(({ id, description, held_minor, currency, expires_at }) => (
          <li key={id}>
            <div>
              <strong>{description ?? id}</strong>
              <span>
                {formatMoney(held_minor, currency)}, until {formatMoment(expires_at)} at the latest
              </span>
            </div>
            <Status tone="brand">Held</Status>
          </li>
        ))}
      </ul>
      <LoadMore pages={held} />
    </>
  );
}
