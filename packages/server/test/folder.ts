import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder for one run. `open` to every user's way through, so that root's database lies in it; `closed` as a temporary
 * folder is: only its owner may enter, and root's database has to lie elsewhere.
 */
export function makeFolder(name: string, way: 'open' | 'closed'): string {
  const folder = mkdtempSync(join(tmpdir(), `farebox-${name}-`));
  if (way === 'open') chmodSync(folder, 0o711);
  return folder;
}

/** Removes it, and the database that a data folder in it says lies elsewhere. */
export function removeFolder(folder: string, ...dataFolders: string[]): void {
  for (const data of dataFolders) {
    const note = join(data, 'postgres-is-elsewhere.json');
    if (!existsSync(note)) continue;
    const elsewhere: { data: string } = JSON.parse(readFileSync(note, 'utf8'));
    rmSync(elsewhere.data, { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true, force: true });
}
