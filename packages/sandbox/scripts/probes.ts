/** Calls every built route through the official SDK and counts what answered as the SDK's types say: `npm run probes`. */
import { coverage } from '../src/contract/coverage.ts';
import { probes } from '../test/probes/all.ts';
import { runProbe } from '../test/probes/probe.ts';
import { endpointCounts } from './coverage.ts';

let passed = 0;
let total = 0;
for (const [area, own] of Object.entries(probes)) {
  const entries = Object.entries(own);
  let good = 0;
  for (const [name, run] of entries) {
    try {
      await runProbe(name, run);
      good += 1;
    } catch (cause) {
      console.error(`✗ ${name}\n  ${cause instanceof Error ? cause.message.replaceAll('\n', '\n  ') : String(cause)}`);
    }
  }
  console.log(`${area.padEnd(14)} ${good}/${entries.length}`);
  passed += good;
  total += entries.length;
}
const percent = Math.floor((passed * 100) / total);
console.log(`${'total'.padEnd(14)} ${passed}/${total} (${percent} %)`);
const found = coverage();
const { routes, params, fields } = found.counts;
const business = endpointCounts(found);
console.log(
  `endpoints of a subscription business ${business.built}/${business.all}; routes of the SDK ${routes.built}/${routes.all}`,
);
console.log(`parameters ${params.implemented} implemented, ${params.inert} without effect, ${params.refused} refused`);
console.log(`fields of answers set ${fields.set}/${fields.all}`);
process.exitCode = passed === total ? 0 : 1;
