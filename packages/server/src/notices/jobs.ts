import type { Queue } from '../queue/queue.ts';

/** The background door: one job per notice. */
export function registerNoticeJobs(queue: Queue, notices: { send(notice_id: string): Promise<void> }): void {
  queue.work('notice.send', async ({ notice_id }) => await notices.send(notice_id));
}
