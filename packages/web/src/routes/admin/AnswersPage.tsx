import { AnswersPanel } from '../../features/answers/AnswersPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function AnswersPage() {
  return (
    <AdminPage title="Answers" lead="What your API answers to requests that the gate lets through, and how fast">
      <AnswersPanel />
    </AdminPage>
  );
}
