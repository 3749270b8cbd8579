import { readFile } from 'node:fs/promises';

/** The files of the package besides its code; they lie one folder above, of the sources as of what is built. */
const root = new URL('../', import.meta.url);

/** The version of the package. */
export async function packageVersion(): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  return version;
}
