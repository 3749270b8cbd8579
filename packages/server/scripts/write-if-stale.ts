import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Writes what was generated, or with `check` only says whether the file is fresh; a stale one then fails the process. */
export function writeIfStale(file: string, fresh: string, check: boolean): void {
  const name = relative(process.cwd(), file);
  if (fresh === readFileSync(file, 'utf8')) console.log(`${name} is fresh`);
  else if (check) {
    console.error(`${name} is stale: run this without --check`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, fresh);
    console.log(`${name} was written`);
  }
}
