import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defaultServerConditions, defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;

/** Where `npm run dev` finds the server's API. */
const devServer = 'http://localhost:4000';

export default defineConfig({
  root: here,
  plugins: [directIcons(), react(), colorSchemeScript()],
  // `farebox` is the workspace's private export condition: packages are read from source.
  resolve: { conditions: ['farebox', ...defaultClientConditions] },
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  environments: {
    client: {
      build: {
        outDir: 'dist/app',
        emptyOutDir: true,
        rolldownOptions: {
          output: {
            codeSplitting: {
              groups: [
                {
                  name: 'vendor',
                  test: /node_modules\/(react|react-dom|scheduler|react-remove-scroll|@tanstack|@floating-ui|@mantine\/(core|hooks))\//,
                },
                // One file for what several pages share, instead of a request for each small module.
                { name: 'shared', test: /packages\/(web\/src|core)\/|@tabler/, minShareCount: 2 },
              ],
            },
          },
        },
      },
    },
    landing: {
      consumer: 'server',
      define: { 'process.env.NODE_ENV': '"production"' },
      resolve: { conditions: ['farebox', ...defaultServerConditions], noExternal: true },
      build: {
        outDir: 'dist',
        emptyOutDir: false,
        ssr: true,
        minify: false,
        rolldownOptions: {
          input: join(here, 'src/landing/render.tsx'),
          output: { entryFileNames: 'landing.js', codeSplitting: false },
        },
      },
    },
  },
  builder: {
    async buildApp(builder) {
      await Promise.all(Object.values(builder.environments).map((environment) => builder.build(environment)));
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/auth'].map((path) => [path, { target: devServer, changeOrigin: true, headers: { origin: devServer } }]),
    ),
  },
});

/**
 * Puts a hashed, blocking, external script first in the page's head: it applies the stored colour scheme before the
 * first paint. Inline would be shorter, but the Content-Security-Policy allows no inline script.
 */
function colorSchemeScript(): Plugin {
  const name = 'color-scheme.js';
  return {
    name: 'farebox:color-scheme-script',
    applyToEnvironment: (environment) => environment.name !== 'landing',
    buildStart() {
      this.emitFile({ type: 'asset', name, source: readFileSync(join(here, 'src', name)) });
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const built = Object.values(bundle ?? {}).find((file) => file.type === 'asset' && file.names.includes(name));
        return [
          { tag: 'script', attrs: { src: built ? `/${built.fileName}` : `/src/${name}` }, injectTo: 'head-prepend' },
        ];
      },
    },
  };
}

/**
 * `import { IconKey } from '@tabler/icons-react'` → the one file of that icon. Through the package's entry the bundler
 * would read all of its 6,000 files first, which is most of a build's time.
 */
function directIcons(): Plugin {
  const imports = /import \{([^}]+)\} from '@tabler\/icons-react';/g;
  return {
    name: 'farebox:direct-icons',
    enforce: 'pre',
    transform: {
      filter: { id: /\/src\/.*\.tsx$/, code: '@tabler/icons-react' },
      handler: (code) =>
        code.replaceAll(imports, (_match, names: string) =>
          names
            .split(',')
            .map((name) => name.trim())
            .filter((name) => name !== '')
            .map((name) => `import ${name} from '@tabler/icons-react/dist/esm/icons/${name}.mjs';`)
            .join(''),
        ),
    },
  };
}
