import { createClient, createCluster } from '@redis/client';

/** The few commands that counters need, on one Redis or on a cluster of them. All reject at once while nobody is connected. */
export interface RedisClient {
  evalSha(digest: string, keys: string[], values: string[]): Promise<unknown>;
  eval(script: string, keys: string[], values: string[]): Promise<unknown>;
  remove(key: string, member: string): Promise<void>;
  /** INFO of every server that counts. */
  infos(section: string): Promise<string[]>;
  /** Hears of a call that failed or was late: it may have gone to a server that is no longer the one. */
  failed(): void;
  /** Whether a connection stands. */
  isReady(): boolean;
  close(): Promise<void>;
}

interface Options {
  /** One address of a server, or several of a cluster's. */
  urls: readonly string[];
  onError(error: unknown): void;
  /** A connection stands, for the first time or again. */
  onReady(): void;
}

const connectTimeout = 2000;
const socket = { connectTimeout, reconnectStrategy: waitMs };
/** Who waits for an answer ends the wait itself: a signal for each command, which the client would make, costs as much as the command. */
const commandOptions = { timeout: 0 };
/** At least this lies between two looks at who serves which part of a cluster. */
const rediscoverMs = 1000;
/** A server of the cluster that takes connections and answers nothing does not hold up the search for longer. */
const discoverMs = 2000;

function waitMs(tries: number): number {
  return Math.min(50 * 2 ** Math.min(tries, 6), 2000);
}

export function openRedis(options: Options): RedisClient {
  return options.urls.length > 1 ? openCluster(options) : openServer(options);
}

function openServer({ urls, onError, onReady }: Options): RedisClient {
  const client = createClient({ url: urls[0] ?? '', disableOfflineQueue: true, socket, commandOptions });
  client.on('error', onError);
  client.on('ready', onReady);
  const connecting = client.connect().catch(onError);
  return {
    evalSha: (digest, keys, values) => client.evalSha(digest, { keys, arguments: values }),
    eval: (script, keys, values) => client.eval(script, { keys, arguments: values }),
    remove: async (key, member) => void (await client.zRem(key, member)),
    infos: async (section) => [await client.info(section)],
    failed: () => undefined,
    isReady: () => client.isReady,
    async close() {
      if (client.isOpen) client.destroy();
      await connecting;
    },
  };
}

/**
 * The client follows slots that move, but not a server that is gone: it asks that one for ever. So what failed makes it look again
 * who there is, over whichever of the addresses answers, and use that from then on.
 */
function openCluster({ urls, onError, onReady }: Options): RedisClient {
  type Cluster = ReturnType<typeof make>;
  let current: Cluster | null = null;
  let isClosed = false;
  let retry: NodeJS.Timeout | null = null;
  let found_at = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = look(0);

  function make() {
    const cluster = createCluster({
      rootNodes: urls.map((url) => ({ url })),
      defaults: { ...credentialsOf(urls[0] ?? ''), disableOfflineQueue: true },
      commandOptions,
    });
    cluster.on('error', onError);
    return cluster;
  }

  async function look(tries: number): Promise<void> {
    const next = make();
    const late = setTimeout(() => next.destroy(), discoverMs);
    try {
      await next.connect();
      clearTimeout(late);
      if (isClosed) return next.destroy();
      current?.destroy();
      current = next;
      found_at = performance.now();
      looking = null;
      onReady();
    } catch (error) {
      clearTimeout(late);
      if (next.isOpen) next.destroy();
      onError(error);
      if (isClosed) return;
      retry = setTimeout(() => {
        looking = look(tries + 1);
      }, waitMs(tries));
      retry.unref();
    }
  }

  function use(): Cluster {
    if (current === null) throw new Error('No server of the Redis Cluster answers.');
    return current;
  }

  return {
    evalSha: async (digest, keys, values) => await use().evalSha(digest, { keys, arguments: values }),
    eval: async (script, keys, values) => await use().eval(script, { keys, arguments: values }),
    remove: async (key, member) => void (await use().zRem(key, member)),
    infos: async (section) =>
      await Promise.all(use().masters.map(async ({ client }) => (await client?.info(section)) ?? '')),
    failed() {
      if (looking === null && performance.now() - found_at > rediscoverMs) looking = look(0);
    },
    isReady: () => current !== null,
    async close() {
      isClosed = true;
      if (retry !== null) clearTimeout(retry);
      await looking;
      current?.destroy();
    },
  };
}

/** Servers that are found by the others are reached as the first address says. */
function credentialsOf(url: string) {
  const { protocol, username, password } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    socket: protocol === 'rediss:' ? { ...socket, tls: true as const } : socket,
  };
}
