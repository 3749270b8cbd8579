import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { PriceList } from '@farebox/core';
import { Refusal } from '../lib/refusal.ts';

/**
 * Reads the price list: a TypeScript or JavaScript module whose default export is what `definePlans` returned.
 * Faults of the plans come out as `PlanFaults`, thrown by the module itself; a missing file or export is said in a sentence.
 */
export async function loadPriceList(path: string): Promise<PriceList> {
  if (!existsSync(path))
    throw new Refusal(
      `No price list at ${path}. Set FAREBOX_CONFIG, or start in the folder that has farebox.config.ts.`,
    );
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  const list = module.default;
  if (!isPriceList(list)) throw new Refusal(`${path} must have a default export made by definePlans({ … }).`);
  return list;
}

function isPriceList(value: unknown): value is PriceList {
  return (
    typeof value === 'object' && value !== null && 'plans' in value && 'seller' in value && Array.isArray(value.plans)
  );
}
