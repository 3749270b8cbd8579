import { readdir, readFile } from 'node:fs/promises';

/** The files of the package besides its code; they lie one folder above, of the sources as of what is built. */
const root = new URL('../', import.meta.url);

/** The version of the package. */
export async function packageVersion(): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  return version;
}

/** The scenarios that come with the package: their documents by the name of their file. */
export async function shippedScenarios(): Promise<Map<string, unknown>> {
  const folder = new URL('scenarios/', root);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  const documents = names.map(async (name): Promise<[string, unknown]> => {
    const document: unknown = JSON.parse(await readFile(new URL(name, folder), 'utf8'));
    return [name.replace(/\.json$/, ''), document];
  });
  return new Map(await Promise.all(documents));
}
