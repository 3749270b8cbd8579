import { readFileSync } from 'node:fs';
import { type Endpoint, readEndpoints } from '@farebox/core';
import { Refusal } from '../lib/refusal.ts';

/** What the seller's OpenAPI document (JSON) says of its operations. Throws a `Refusal` with every fault. */
export function endpointsOf(path: string, meters: readonly { id: string }[]): readonly Endpoint[] {
  const { endpoints, faults: found } = readEndpoints(parse(path));
  const names = meters.map(({ id }) => id);
  const faults = [...found];
  for (const { name, meter_id } of endpoints)
    if (meter_id !== null && !names.includes(meter_id)) {
      const message = `names the meter "${meter_id}" in x-farebox-meter; the price list has: ${names.join(', ')}`;
      faults.push({ path: name, message });
    }
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  - ${fault.path} ${fault.message}`);
    throw new Refusal(`FAREBOX_OPENAPI: ${path} has faults:\n${lines.join('\n')}`);
  }
  return endpoints;
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(`FAREBOX_OPENAPI: ${path} is not an OpenAPI document in JSON: ${why}`, { cause: error });
  }
}
