#!/usr/bin/env node
import module from 'node:module';

// What was compiled once is not compiled again at the next start; Node 20 does not know how to keep it.
if ('enableCompileCache' in module) module.enableCompileCache();
const { main } = await import('./command.ts');
await main(process.argv.slice(2));
// Written now and not at the end, which a killed process has not.
if ('flushCompileCache' in module) module.flushCompileCache();
