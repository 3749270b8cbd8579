import { startSkycast } from '../../../../examples/skycast-api/server.ts';

/** The seller's API of the tour: a program of its own in real life, started here so that there is something to call. */
export async function startExample(options: {
  port: number;
  farebox_url: string;
  secret_key: string;
}): Promise<{ close(): Promise<void> }> {
  return await startSkycast(options);
}
