import { readFileSync } from 'node:fs';
import { type Endpoint, createEndpointMatch, readEndpoints } from '@farebox/core';
import { Refusal } from '../lib/refusal.ts';

/** What the seller's OpenAPI document (JSON) says of each request. Throws a `Refusal` with every fault. */
export function endpointsOf(path: string): (method: string, path: string) => Endpoint | null {
  const { endpoints, faults } = readEndpoints(parse(path));
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  - ${fault.path} ${fault.message}`);
    throw new Refusal(`FAREBOX_OPENAPI: ${path} has faults:\n${lines.join('\n')}`);
  }
  return createEndpointMatch(endpoints);
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(`FAREBOX_OPENAPI: ${path} is not an OpenAPI document in JSON: ${why}`, { cause: error });
  }
}
