import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';

/** The PostgreSQL of this test run. */
export interface TestServer {
  /** Of a database in which others can be created. */
  url: string;
  /** A database with every migration applied; nobody connects to it. */
  template: string;
  /** How the names of this run's databases begin. */
  prefix: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    testServerSocket: string;
  }
}

/** The server of this run; the first call starts it. */
export async function testServer(): Promise<TestServer> {
  const answer: TestServer & { error?: string } = JSON.parse(await text(connect(inject('testServerSocket'))));
  if (answer.error !== undefined) throw new Error(`The test database did not start. ${answer.error}`);
  return answer;
}

/** The same address with another database. */
export function withDatabase(url: string, name: string): string {
  return url.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${name}`);
}
