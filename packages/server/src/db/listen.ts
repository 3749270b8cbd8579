import pg from 'pg';

/** Between two tries to connect. */
const retryMs = 500;

/**
 * Hears what other processes say on a channel of the database (LISTEN), over a connection of its own. `onNotice` is also called
 * when the connection stands again: what was said meanwhile is lost. Nobody may rely on it: behind some poolers nothing arrives.
 */
export function listenTo(options: {
  url: string;
  /** A plain name: it goes into the statement as it is. */
  channel: string;
  onNotice(): void;
  onError(error: unknown): void;
}): { close(): Promise<void> } {
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | null = null;
  let isClosed = false;
  let connecting = connect();

  async function connect(): Promise<void> {
    const mine = new pg.Client({
      connectionString: options.url,
      application_name: 'farebox-listen',
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    });
    mine.on('notification', options.onNotice);
    mine.on('error', options.onError);
    mine.once('end', again);
    client = mine;
    try {
      await mine.connect();
      await mine.query(`listen ${options.channel}`);
      options.onNotice();
    } catch (error) {
      options.onError(error);
      await end(mine);
      again();
    }
  }

  function again(): void {
    if (isClosed || retry !== null) return;
    retry = setTimeout(() => {
      retry = null;
      connecting = connect();
    }, retryMs);
    retry.unref();
  }

  /** A connection that never stood cannot be ended properly, which is no news. */
  async function end(one: pg.Client): Promise<void> {
    try {
      await one.end();
    } catch (error) {
      options.onError(error);
    }
  }

  return {
    async close() {
      isClosed = true;
      if (retry !== null) clearTimeout(retry);
      await connecting;
      if (client !== null) await end(client);
    },
  };
}
