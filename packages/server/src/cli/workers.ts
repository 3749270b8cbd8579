import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { monotonic } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** What a worker says to its parent when it answers. */
const up = 'up';
/** A worker that ends by itself is replaced after this, twice as much each time, and from the beginning when it ran for long. */
const firstRestartMs = 100;
const longestRestartMs = 5000;
const steadyMs = 30_000;
/** Longer than a worker takes to finish what it has: jobs have 30 s. */
export const drainMs = 45_000;

export function workerIsUp(worker: Worker): void {
  worker.send(up);
}

/**
 * Runs the workers of this program, which share its ports: the parent holds them, so that a worker that ends takes no connection with
 * it that is not its own yet. Ends with them: after SIGTERM or Ctrl-C when all have finished what they had; with the code of the first
 * one when that cannot start.
 */
export async function superviseWorkers({ config, log }: { config: Config; log: Log }): Promise<number> {
  let isStopping = false;
  const stopping = Promise.withResolvers<void>();
  const stop = () => {
    // Asked a second time it waits for nobody.
    if (isStopping) for (const worker of alive()) worker.process.kill('SIGKILL');
    isStopping = true;
    stopping.resolve();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  // Workers accept by themselves. Handed out by the parent, a connection on its way to a worker that dies would hang for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;

  /** One at a time: the first brings the database up to date and shows that a worker can start. */
  for (let count = 0; count < config.workers && !isStopping; count += 1) {
    const code = await started(cluster.fork());
    if (code !== null && !isStopping) {
      await stopAll(log);
      return code === 0 ? 1 : code;
    }
  }
  keepRunning();
  const { base_url: url, port, roles, workers, counter } = config;
  if (!isStopping) log.info({ url, port, roles, workers, counter: counter.kind, pids: pids() }, 'serving');
  await stopping.promise;
  log.info({ workers: alive().length }, 'stopping: the workers finish what they have');
  await stopAll(log);
  return 0;

  function keepRunning(): void {
    let delay = firstRestartMs;
    const timers = new Set<NodeJS.Timeout>();
    void stopping.promise.then(() => timers.forEach(clearTimeout));
    const since = new Map(alive().map((worker) => [worker.id, monotonic()]));
    cluster.on('exit', (worker, code, signal) => {
      if (isStopping) return;
      const ran = monotonic() - (since.get(worker.id) ?? 0);
      since.delete(worker.id);
      delay = ran >= steadyMs ? firstRestartMs : Math.min(longestRestartMs, delay * 2);
      log.error(
        { pid: worker.process.pid, code, signal, restart_in_ms: delay },
        'a worker ended; another takes its place',
      );
      const timer = setTimeout(() => {
        timers.delete(timer);
        const next = cluster.fork();
        since.set(next.id, monotonic());
        next.on('message', (message) => {
          if (message === up) log.info({ pid: next.process.pid, pids: pids() }, 'a worker took the place of another');
        });
      }, delay);
      timers.add(timer);
    });
  }
}

/** Null when it answers; the exit code when it ended before. */
async function started(worker: Worker): Promise<number | null> {
  return await new Promise((resolve) => {
    const said = (message: unknown) => {
      if (message === up) done(null);
    };
    const ended = (code: number | null) => done(code ?? 1);
    const done = (result: number | null) => {
      worker.off('message', said).off('exit', ended);
      resolve(result);
    };
    worker.on('message', said).on('exit', ended);
  });
}

async function stopAll(log: Log): Promise<void> {
  await Promise.all(
    alive().map(async (worker) => {
      const ended = once(worker, 'exit');
      worker.process.kill('SIGTERM');
      const late = new AbortController();
      const killed = wait(drainMs, null, { signal: late.signal }).then(
        () => {
          log.error({ pid: worker.process.pid }, 'a worker did not stop in time and was killed');
          worker.process.kill('SIGKILL');
        },
        () => undefined, // it ended, and nobody waits any more
      );
      await ended;
      late.abort();
      await killed;
    }),
  );
}

function alive(): Worker[] {
  return Object.values(cluster.workers ?? {}).flatMap((worker) => worker ?? []);
}

function pids(): number[] {
  return alive().flatMap((worker) => worker.process.pid ?? []);
}
