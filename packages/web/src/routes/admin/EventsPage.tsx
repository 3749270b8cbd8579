import { useNavigate, useSearch } from '@tanstack/react-router';
import { EventsPanel } from '../../features/events/EventsPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function EventsPage() {
  const { state } = useSearch({ from: '/admin/events' });
  const navigate = useNavigate();
  return (
    <AdminPage title="Stripe events" lead="What Stripe told us, newest first, and what became of it">
      <EventsPanel
        filter={state ?? 'all'}
        setFilter={(filter) =>
          void navigate({ to: '/admin/events', search: filter === 'all' ? {} : { state: filter }, replace: true })
        }
      />
    </AdminPage>
  );
}
