import { CompiledQuery, type Kysely } from 'kysely';
import pg from 'pg';
import type { DB } from './tables.ts';

/** SQL that a connection prepares once under its name and then only names; without a name it is planned anew each time. */
export interface Statement {
  name: string | null;
  text: string;
}

/** A statement with its parameters, as PostgreSQL writes values as text. */
export interface Step {
  statement: Statement;
  values: readonly (string | null)[];
}

/** The rows of a step, each column as the text that PostgreSQL writes. */
export type Rows = (string | null)[][];

/** A transaction that says several statements in one way there and back. */
export interface Rounds {
  /** Runs steps in order and answers the rows of each. Each step sees what was committed before it began. */
  say(...steps: readonly Step[]): Promise<Rows[]>;
  /** The same, and commits. Said once, and last. Rejects with `CommitUnknown` where the connection ended before it was answered. */
  end(...steps: readonly Step[]): Promise<Rows[]>;
}

/** Whether a transaction was committed is not known: the connection ended after that was asked for. 08007: transaction_resolution_unknown. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
  readonly code = '08007';
}

const begin: Step = { statement: { name: 'begin', text: 'begin' }, values: [] };
const commit: Step = { statement: { name: 'commit', text: 'commit' }, values: [] };

/** Runs `fn` in one transaction of a connection of the pool. What `fn` does not end is rolled back. */
export async function inRounds<T>(pool: pg.Pool, fn: (rounds: Rounds) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isBegun = false;
  let isEnded = false;
  let isSound = true;

  async function run(steps: readonly Step[]): Promise<Rows[]> {
    const all = isBegun ? steps : [begin, ...steps];
    isBegun = true;
    const round = new Round(all);
    client.query(round);
    try {
      return (await round.rows).slice(all.length - steps.length);
    } catch (error) {
      // What of it was prepared is not known.
      if (round.prepares) isSound = false;
      throw error;
    }
  }

  try {
    return await fn({
      say: async (...steps) => await run(steps),
      async end(...steps) {
        try {
          const rows = await run([...steps, commit]);
          isEnded = true;
          return rows.slice(0, -1);
        } catch (error) {
          throw isCut(error) ? new CommitUnknown('The connection ended during a commit.', { cause: error }) : error;
        }
      },
    });
  } finally {
    if (isBegun && !isEnded && isSound) {
      try {
        await client.query('rollback');
      } catch {
        // A connection that cannot even roll back is closed, and that is a rollback too.
        isSound = false;
      }
    }
    client.release(!isSound);
  }
}

/** The connection ended, rather than a statement failed: 57P01 and 57P02 are said by a process that is ended. */
function isCut(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || /^57P0[12]$/.test(error.code ?? '');
}

/** The same steps within a transaction that is not in a hurry. */
export async function saySteps(tx: Kysely<DB>, steps: readonly Step[]): Promise<void> {
  for (const { statement, values } of steps) await tx.executeQuery(CompiledQuery.raw(statement.text, [...values]));
}

/** What a connection has prepared. */
const prepared = new WeakMap<pg.Connection, Set<string>>();

/** Steps of one round, as the driver hands a query to its connection and answers back to it. */
class Round implements pg.Submittable {
  readonly rows: Promise<Rows[]>;
  /** Whether it prepares a statement that the connection did not know. */
  prepares = false;
  private readonly steps: readonly Step[];
  private readonly answered: Rows[] = [];
  private current: Rows = [];
  private resolve: (rows: Rows[]) => void = () => undefined;
  private reject: (error: unknown) => void = () => undefined;

  constructor(steps: readonly Step[]) {
    this.steps = steps;
    this.rows = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  submit(connection: pg.Connection): void {
    const known = prepared.get(connection) ?? new Set<string>();
    prepared.set(connection, known);
    const { stream } = connection;
    stream.cork();
    try {
      for (const { statement, values } of this.steps) {
        const name = statement.name ?? '';
        if (!known.has(name)) {
          connection.parse({ name, text: statement.text, types: [] }, true);
          if (name !== '') {
            known.add(name);
            this.prepares = true;
          }
        }
        connection.bind({ portal: '', statement: name, values: [...values] }, true);
        connection.execute({ portal: '' }, true);
      }
      connection.sync();
    } finally {
      stream.uncork();
    }
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.current.push(fields);
  }

  handleCommandComplete(): void {
    this.answered.push(this.current);
    this.current = [];
  }

  handleReadyForQuery(): void {
    this.resolve(this.answered);
  }

  handleError(error: Error): void {
    this.reject(error);
  }
}
