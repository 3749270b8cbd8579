/**
 * Builds the package for those who install it: `npm run build -w @farebox/sandbox`, also before `npm pack`. Development and
 * tests need no build, they run the sources. Bundled, because opening two hundred files costs more than running them; what sources
 * read late, the pages, stays apart.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';

const root = new URL('..', import.meta.url).pathname;
const dist = join(root, 'dist');

/** The bin and the library share their chunks; both run on Node 20. */
async function bundle(): Promise<void> {
  const build = await rolldown({
    input: { bin: join(root, 'src/bin.js'), index: join(root, 'src/index.ts') },
    platform: 'node',
    transform: { target: 'node20' },
    plugins: [
      {
        // A text is parsed faster than the same object as a program.
        name: 'json-as-text',
        load: { filter: { id: /\.json$/ }, handler: jsonModule },
      },
    ],
  });
  await build.write({
    dir: dist,
    format: 'esm',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    comments: { legal: false },
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
  });
  await build.close();
}

function jsonModule(id: string) {
  const text = JSON.stringify(JSON.parse(readFileSync(id, 'utf8')));
  return { code: `export default JSON.parse(${JSON.stringify(text)});`, moduleType: 'js' as const };
}

/** The declarations that `index.ts` leads to, and no others. None of them needs another package. */
function declarations(): void {
  const out = mkdtempSync(join(tmpdir(), 'sandbox-types-'));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const config = join(root, 'tsconfig.build.json');
  // Node runs it whatever the platform; its faults go where ours go.
  execFileSync(process.execPath, [tsc, '-p', config, '--outDir', out], { stdio: 'inherit' });
  const seen = new Set<string>();
  const take = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(join(out, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/from '([^']+)'/g)) {
      if (!name.startsWith('.')) throw new Error(`${file} needs the types of ${name}; a stranger may not have them.`);
      take(join(dirname(file), name.replace(/\.ts$/, '.d.ts')));
    }
    const to = join(dist, file);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text.replaceAll(/from '(\.[^']+)\.ts'/g, "from '$1.js'"));
  };
  take('index.d.ts');
  rmSync(out, { recursive: true });
}

rmSync(dist, { recursive: true, force: true });
await bundle();
declarations();
copyFileSync(join(root, '../../LICENSE'), join(dist, 'LICENSE'));
