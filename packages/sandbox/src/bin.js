#!/usr/bin/env node
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// What was compiled once is not compiled again at the next start; Node 20 does not know how to keep it. Kept beside the package,
// so that what an installation compiled is found by whoever starts it; where nothing may be written, it is compiled again.
const kept = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));
if ('enableCompileCache' in module) module.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? kept);
const { main } = await import('./command.ts');
await main(process.argv.slice(2));
// Written now and not at the end, which a killed process has not.
if ('flushCompileCache' in module) module.flushCompileCache();
