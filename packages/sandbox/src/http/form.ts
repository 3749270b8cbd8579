import { invalid } from './api-error.ts';

/** A parsed form: text at the leaves, lists where the brackets hold indexes. */
export type FormValue = string | FormValue[] | FormHash;

/** A form hash; no prototype, so that a key named `__proto__` is only a key. */
export interface FormHash {
  [key: string]: FormValue;
}

const MAX_PAIRS = 4_000;
const MAX_DEPTH = 10;
const MAX_INDEX = 999;

function malformed(key: string): Error {
  return invalid(`Invalid request parameters: the name ${JSON.stringify(key.slice(0, 80))} could not be read.`, {
    before_execution: true,
  });
}

/** `items[0][price]` → `['items','0','price']`; `expand[]` → `['expand','']`. */
function pathOf(key: string): string[] {
  const open = key.indexOf('[');
  if (open === -1) return [key];
  const path = [key.slice(0, open)];
  const brackets = key.slice(open);
  if (!/^(\[[^[\]]*\])+$/.test(brackets) || path[0] === '') throw malformed(key);
  for (const match of brackets.matchAll(/\[([^[\]]*)\]/g)) path.push(match[1] ?? '');
  if (path.length > MAX_DEPTH) throw malformed(key);
  return path;
}

interface Node {
  text: string | null;
  children: Map<string, Node> | null;
}

function insert(root: Node, path: string[], text: string, key: string): void {
  let node = root;
  for (const [depth, raw] of path.entries()) {
    node.children ??= new Map();
    if (node.text !== null) throw malformed(key);
    const name = raw === '' && depth > 0 ? String(node.children.size) : raw;
    let child = node.children.get(name);
    if (child === undefined) {
      child = { text: null, children: null };
      node.children.set(name, child);
    }
    node = child;
  }
  if (node.children !== null) throw malformed(key);
  node.text = text;
}

function build(node: Node, key: string, is_root: boolean): FormValue {
  if (node.children === null) return node.text ?? '';
  const names = [...node.children.keys()];
  const is_list = !is_root && names.every((name) => /^\d{1,4}$/.test(name) && Number(name) <= MAX_INDEX);
  if (is_list) {
    const sorted = names.toSorted((a, b) => Number(a) - Number(b));
    return sorted.map((name) => build(node.children!.get(name)!, `${key}[${name}]`, false));
  }
  const hash: FormHash = Object.create(null) as FormHash;
  for (const [name, child] of node.children) hash[name] = build(child, `${key}[${name}]`, false);
  return hash;
}

function decode(text: string, key: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed(key);
  }
}

/** Reads `application/x-www-form-urlencoded` text with bracketed names, as the official SDKs write it. */
export function parseForm(text: string): FormHash {
  const root: Node = { text: null, children: new Map() };
  const pairs = text === '' ? [] : text.split('&');
  if (pairs.length > MAX_PAIRS) throw invalid('Too many parameters.', { before_execution: true });
  for (const pair of pairs) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const raw = at === -1 ? pair : pair.slice(0, at);
    const key = decode(raw, raw);
    insert(root, pathOf(key), at === -1 ? '' : decode(pair.slice(at + 1), key), key);
  }
  return build(root, '', true) as FormHash;
}
