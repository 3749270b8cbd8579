import { FareboxUnavailable } from '../errors.ts';

/** Calls under way at the same time. What comes meanwhile goes together in the next. */
const mostCalls = 4;
/** How long what nobody waits for waits for a call to go with, before it makes one. */
const patienceMs = 200;

interface Waiting<Asked, Answer> {
  asked: Asked;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Asks together what is asked one by one: whatever comes in one turn of the event loop, and whatever comes while as many calls as may be
 * are under way. Nobody waits for others to come; what is asked `later` is in no hurry, and goes with what is. `send` answers in the order in which it was asked; when it fails, it
 * fails for those alone whom it was about.
 */
export function createCollector<Asked, Answer>(options: {
  /** Of one call. */
  most: number;
  send: (asked: readonly Asked[]) => Promise<readonly Answer[]>;
}) {
  const { most, send } = options;
  let waiting: Waiting<Asked, Answer>[] = [];
  let patient: Waiting<Asked, Answer>[] = [];
  let calls = 0;
  let isDue = false;
  let timer: NodeJS.Timeout | null = null;

  function begin(): void {
    isDue = false;
    while (waiting.length > 0 && calls < mostCalls) {
      const room = Math.max(0, most - waiting.length);
      const some = [...waiting.slice(0, most), ...patient.slice(0, room)];
      waiting = waiting.slice(most);
      patient = patient.slice(room);
      calls += 1;
      void call(some);
    }
  }

  function due(): void {
    if (isDue || calls >= mostCalls) return;
    isDue = true;
    setImmediate(begin);
  }

  async function call(some: readonly Waiting<Asked, Answer>[]): Promise<void> {
    try {
      const answers = await send(some.map(({ asked }) => asked));
      for (const [index, { resolve, reject }] of some.entries()) {
        const answer = answers[index];
        if (answer === undefined) reject(new FareboxUnavailable('Farebox answered less than it was asked.'));
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of some) reject(error);
    } finally {
      calls -= 1;
      if (waiting.length > 0) due();
    }
  }

  function hurry(): void {
    timer = null;
    waiting.push(...patient);
    patient = [];
    if (waiting.length > 0) due();
  }

  return {
    ask: (asked: Asked): Promise<Answer> =>
      new Promise((resolve, reject) => {
        waiting.push({ asked, resolve, reject });
        due();
      }),
    later: (asked: Asked): Promise<Answer> =>
      new Promise((resolve, reject) => {
        patient.push({ asked, resolve, reject });
        timer ??= setTimeout(hurry, patienceMs).unref();
      }),
  };
}
