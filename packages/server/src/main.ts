#!/usr/bin/env node
import { refuseOldNode } from './cli/node-version.ts';

refuseOldNode(process.versions.node);
const { run } = await import('./cli/run.ts');
process.exitCode = await run(process.argv.slice(2));
