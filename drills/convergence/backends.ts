import pg from 'pg';

/**
 * The server's side of connections, which outlives the program's: opened once, and lent to each process that connects. What a
 * process leaves behind when it dies is undone, as the server does for a connection that broke. So no story pays for forking
 * the server, and no statement is planned anew.
 */
export class Backends {
  readonly #free: Backend[] = [];
  readonly #leaving = new Set<Promise<void>>();

  async lend(config: pg.ClientConfig): Promise<Backend> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const backend = new Backend(config);
    await backend.client.connect();
    return backend;
  }

  /** Whatever was sent and not answered is undone, and whoever waits for its locks goes on. */
  takeBack(backend: Backend): void {
    const left = backend.client.query('rollback').then(() => {
      this.#free.push(backend);
      this.#leaving.delete(left);
    });
    this.#leaving.add(left);
  }

  /** Until nothing of those who left is held any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#leaving);
  }
}

/** One connection, which knows the statements it was given before. */
export class Backend {
  readonly client: pg.Client;
  readonly #names = new Map<string, string>();

  constructor(config: pg.ClientConfig) {
    // With a pipeline, what belongs together leaves together.
    this.client = new pg.Client({ ...config, pipeline: true });
  }

  /** `T` is what a row holds. */
  async ask<T extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values: unknown,
  ): Promise<pg.QueryResult<T>> {
    if (!Array.isArray(values)) return await this.client.query<T>(text);
    let name = this.#names.get(text);
    if (name === undefined) this.#names.set(text, (name = `drill_${this.#names.size}`));
    return await this.client.query<T>({ name, text, values });
  }

  /** Both statements in one way there and back. */
  async askAfter(first: string, text: string, values: unknown): Promise<pg.QueryResult> {
    const stream = this.client.connection.stream;
    stream.cork();
    const begun = this.client.query(first);
    const sent = this.ask(text, values);
    stream.uncork();
    const [, answer] = await Promise.all([begun, sent]);
    return answer;
  }
}
