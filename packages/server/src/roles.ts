/**
 * What a process does. `gate`: decides about requests, at its own calls and as a proxy. `api`: REST, webhooks and pages. `jobs`:
 * works the queue and the schedules.
 */
export type Role = (typeof roles)[number];
export const roles = ['gate', 'api', 'jobs'] as const;

/** What a command or an `npm start` runs is one process that does everything. */
export function processesOf(
  mode: 'dev' | 'serve' | 'proxy',
  text: (name: string) => string | undefined,
  faults: string[],
): { roles: readonly Role[]; workers: number } {
  if (mode !== 'serve') return { roles: mode === 'proxy' ? ['gate'] : roles, workers: 1 };
  const asked = text('FAREBOX_WORKERS') ?? '1';
  const workers = /^\d{1,3}$/.test(asked) ? Number(asked) : 0;
  if (workers < 1 || workers > 256)
    faults.push(`FAREBOX_WORKERS must be a whole number from 1 to 256; it is "${asked}".`);
  const named = (text('FAREBOX_ROLES') ?? roles.join(',')).split(',').map((name) => name.trim());
  if (named.some((name) => !roles.some((role) => role === name)))
    faults.push(`FAREBOX_ROLES must be one or several of ${roles.join(', ')}; it is "${named.join(',')}".`);
  return { roles: roles.filter((role) => named.includes(role)), workers };
}

/** Processes that cannot see each other's state. */
export function refuseApart(
  processes: { roles: readonly Role[]; workers: number },
  found: { databaseUrl: string | undefined; redisUrl: string | undefined },
  faults: string[],
): void {
  const { workers } = processes;
  const isPart = processes.roles.length < roles.length;
  if (found.databaseUrl === undefined && (workers > 1 || isPart))
    faults.push(
      `${workers > 1 ? `${workers} workers need a database that all of them reach` : 'A process with some of the roles needs the database of the others'}: set DATABASE_URL. The embedded one is for a single process that does everything.`,
    );
  if (found.redisUrl === undefined && workers > 1 && processes.roles.includes('gate'))
    faults.push(
      `${workers} workers that count limits each by itself would let through ${workers} times as much: set REDIS_URL, or serve with one worker.`,
    );
}
