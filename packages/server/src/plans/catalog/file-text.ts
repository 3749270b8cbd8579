import type { PriceListInput } from '@farebox/core';

/** A price list as the source of `farebox.config.ts`. */
export function planFileText(list: PriceListInput): string {
  return `import { definePlans } from '@farebox/core';\n\nexport default definePlans(${literal(list, 0)});\n`;
}

/** JSON as TypeScript is written by hand: bare keys, single quotes, trailing commas, short objects in one line. */
function literal(value: unknown, depth: number): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return numeral(value);
  const isList = Array.isArray(value);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  const parts = isList
    ? value.map((entry) => literal(entry, depth + 1))
    : Object.entries(value).map(([key, entry]) => `${keyText(key)}: ${literal(entry, depth + 1)}`);
  if (parts.length === 0) return open + close;
  const space = isList ? '' : ' ';
  const line = `${open}${space}${parts.join(', ')}${space}${close}`;
  const indent = '  '.repeat(depth);
  if (depth > 0 && line.length + indent.length <= 90 && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${indent}  ${part},\n`).join('')}${indent}${close}`;
}

function numeral(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) >= 10_000
    ? text.replaceAll(/\B(?=(\d{3})+$)/g, '_')
    : text;
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}
