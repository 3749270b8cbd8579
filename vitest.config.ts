import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Workspace packages are read from their sources, as under `node --conditions=farebox`.
  ssr: { resolve: { conditions: ['farebox', 'node'], externalConditions: ['farebox', 'node'] } },
  test: {
    environment: 'node',
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'examples/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // Every answer of the program, in whatever test, is held against its document; every property tries the same cases.
    setupFiles: ['packages/server/test/contract-setup.ts', 'test/property-seed.ts'],
    globalSetup: ['packages/server/test/prepare.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A worker reads the program once and runs file after file on it: what starts anew is each test's database, Stripe and clock.
    isolate: false,
    // Generous: a machine that does something else besides is slow, and no guarantee here is about its speed.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    // What is waited for comes on a slow machine too; a second, unless said otherwise, is no guarantee of ours.
    expect: { poll: { timeout: 20_000 } },
    restoreMocks: true,
  },
});
