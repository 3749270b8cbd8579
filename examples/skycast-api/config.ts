export interface Config {
  port: number;
  /** Where Farebox runs. */
  farebox_url: string;
  secret_key: string;
}

/** Environment → Config; throws one error that names everything that is missing or wrong. */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const { PORT = '4010', FAREBOX_URL, FAREBOX_SECRET_KEY } = environment;
  const faults: string[] = [];
  const port = Number(PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) faults.push(`PORT must be a port number; it is "${PORT}".`);
  if (!FAREBOX_URL) faults.push('FAREBOX_URL is missing: where Farebox runs, for example http://localhost:4000.');
  if (!FAREBOX_SECRET_KEY) faults.push('FAREBOX_SECRET_KEY is missing: a secret key of Farebox, fbx_sk_test_….');
  if (!FAREBOX_URL || !FAREBOX_SECRET_KEY || faults.length > 0) {
    throw new Error(`Skycast cannot start:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
  return { port, farebox_url: FAREBOX_URL, secret_key: FAREBOX_SECRET_KEY };
}
