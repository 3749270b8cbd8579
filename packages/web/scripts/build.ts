/** Builds `dist/app` (the single-page app) and `dist/landing.js` (the landing page's renderer) in one go. */
import { join } from 'node:path';
import { createBuilder } from 'vite';

const root = join(import.meta.dirname, '..');
const builder = await createBuilder({
  root,
  configFile: join(root, 'vite.config.ts'),
  configLoader: 'native',
  logLevel: 'warn',
});
await builder.buildApp();
