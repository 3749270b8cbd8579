import { TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconUsers } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { formatDay } from '../../lib/format.ts';
import { usePages } from '../../lib/pages.ts';
import type { Customer } from '../../lib/wire.ts';
import { namesWords } from '../plan/plan-words.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { StateLabel } from '../../ui/StateLabel.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';

const columns: Column<Customer>[] = [
  {
    head: 'Customer',
    cell: (customer) => (
      <TwoLines
        first={
          <Link to="/admin/customers/$id" params={{ id: customer.id }}>
            {customer.name}
          </Link>
        }
        second={customer.email}
      />
    ),
  },
  {
    head: 'Plan',
    cell: (customer) => (customer.subscriptions.length === 0 ? '–' : namesWords(customer.subscriptions)),
  },
  {
    head: 'Status',
    cell: (customer) =>
      customer.subscriptions.length === 0
        ? '–'
        : customer.subscriptions.map(({ group, status }) => <StateLabel key={group} state={status} />),
  },
  {
    head: 'Period ends',
    wideOnly: true,
    cell: (customer) => {
      const [first] = customer.subscriptions.map((each) => each.current_period_end_at).toSorted();
      return first === undefined ? '–' : formatDay(first);
    },
  },
  { head: 'Stripe customer', wideOnly: true, cell: (customer) => <code>{customer.stripe_customer_id ?? '–'}</code> },
  { head: 'Since', wideOnly: true, align: 'right', cell: (customer) => formatDay(customer.created_at) },
];

export function CustomersPanel() {
  const [text, setText] = useState('');
  const [query] = useDebouncedValue(text.trim(), 250);
  const customers = usePages<Customer>('/v1/customers', { query });
  return (
    <Panel
      title="All customers"
      flush
      actions={
        <TextInput
          size="sm"
          type="search"
          aria-label="Search customers"
          placeholder="Name or email"
          leftSection={<IconSearch size={15} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      }
    >
      {customers.isError && !customers.rows ? (
        <Fault what="Customers" error={customers.error} retry={customers.refetch} />
      ) : (
        <DataTable
          label="Customers"
          columns={columns}
          rows={customers.rows}
          keyOf={(customer) => customer.id}
          empty={
            <Empty title={query === '' ? 'No customers yet' : 'Nobody found'} icon={<IconUsers size={20} />}>
              {query === '' ? 'They appear here as they sign up.' : `No name or email contains “${query}”.`}
            </Empty>
          }
        />
      )}
      <LoadMore pages={customers} />
    </Panel>
  );
}
