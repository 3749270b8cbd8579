/**
 * Builds the library in whose folder it is called, for those who install it: `npm run build -w @farebox/sdk`, also before
 * `npm pack`. Development and tests need no build, they run the sources. What a stranger's compiler reads names `.js`, as what runs does.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = process.cwd();
const dist = join(root, 'dist');
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
for (const name of globSync('**/*.d.ts', { cwd: dist })) {
  const text = readFileSync(join(dist, name), 'utf8');
  writeFileSync(join(dist, name), text.replaceAll(/from '(\.[^']+)\.ts'/g, "from '$1.js'"));
}
copyFileSync(join(root, '../../LICENSE'), join(dist, 'LICENSE'));
