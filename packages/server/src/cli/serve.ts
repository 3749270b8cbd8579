import cluster, { type Worker } from 'node:cluster';
import { type Config, type Secrets, readConfig, readEnvironment } from '../config.ts';
import { acquireFolder } from '../db/folder-lock.ts';
import { systemClock } from '../lib/clock.ts';
import { type Log, createLog } from '../lib/log.ts';
import { options } from './arguments.ts';
import { boot } from './boot.ts';
import { untilStopped } from './stop.ts';
import { superviseWorkers, workerIsUp } from './workers.ts';

/**
 * `farebox serve [--workers N] [--role gate|api|jobs]…`: production. Answers when it has been told to stop and everything accepted is
 * done. With several workers this process only keeps them running; each of them comes here again.
 */
export async function serve(args: string[]): Promise<number> {
  const { workers, role } = options(args, { workers: { type: 'string' }, role: { type: 'string', multiple: true } });
  const { config, secrets } = readConfig('serve', {
    ...readEnvironment(),
    ...(workers === undefined ? {} : { FAREBOX_WORKERS: workers }),
    ...(role === undefined ? {} : { FAREBOX_ROLES: role.join(',') }),
  });
  const log = createLog(config.log_level);
  if (config.workers > 1 && cluster.isPrimary) return await superviseWorkers({ config, log });
  const { worker } = cluster;
  try {
    return await serveHere({ config, secrets, log, worker });
  } finally {
    // The line to its parent would keep a worker that has finished, or could not start, from ending.
    if (worker?.isConnected() === true) worker.disconnect();
  }
}

async function serveHere(options: {
  config: Config;
  secrets: Secrets;
  log: Log;
  worker: Worker | undefined;
}): Promise<number> {
  const { config, log, worker } = options;
  const lock =
    config.database.kind === 'embedded' ? await acquireFolder(config.data_dir, { url: config.base_url }) : null;
  const farebox = await boot({
    ...options,
    clock: systemClock,
    stripe: null,
    onProgress: (line) => log.info({}, line),
    // The first of several is there before the others; one that takes its place later has nobody to welcome.
    welcomes: worker === undefined || worker.id === 1,
  });
  if (farebox.first_run_token !== null) {
    console.log(
      `No operator yet. Open ${config.base_url}/admin/welcome and enter this one-time token: ${farebox.first_run_token}`,
    );
  }
  if (worker === undefined) {
    const { base_url: url, port, roles } = config;
    log.info({ url, port, roles, workers: 1, counter: config.counter.kind }, 'serving');
  } else workerIsUp(worker);
  const steps = [() => farebox.stop(), async () => await lock?.release()];
  return await untilStopped(steps, worker === undefined ? {} : { worker });
}
