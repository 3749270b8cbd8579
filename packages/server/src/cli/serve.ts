import { readConfig, readEnvironment } from '../config.ts';
import { acquireFolder } from '../db/folder-lock.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { boot } from './boot.ts';
import { untilStopped } from './stop.ts';

/** `farebox serve`: production. Answers when it has been told to stop and everything accepted is done. */
export async function serve(): Promise<number> {
  const { config, secrets } = readConfig('serve', readEnvironment());
  const log = createLog(config.log_level);
  const lock =
    config.database.kind === 'embedded' ? await acquireFolder(config.data_dir, { url: config.base_url }) : null;
  const farebox = await boot({
    config,
    secrets,
    log,
    clock: systemClock,
    stripe: null,
    onProgress: (line) => log.info({}, line),
  });
  log.info({ url: config.base_url, port: config.port }, 'serving');
  if (farebox.first_run_token !== null) {
    console.log(
      `No operator yet. Open ${config.base_url}/admin/welcome and enter this one-time token: ${farebox.first_run_token}`,
    );
  }
  return await untilStopped([() => farebox.stop(), async () => await lock?.release()]);
}
