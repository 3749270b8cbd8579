import type { Json, JsonObject } from '../contract/json.ts';

/** A scenario: what is asked of the API, how time passes, what goes wrong and what must be so. As JSON it is in README.md. */
export interface Scenario {
  name: string;
  steps: Step[];
}

/** How far time is moved: by so much, or to an instant. */
export type Move = { by_ms: number } | { to: string };

interface Common {
  /** What the answer is called from here on. */
  as: string | null;
  /** Values by path, of the answer; in a step of its own, of what was named. */
  expect: JsonObject;
}

/** One step. `with` and everything in it may hold `${name.path}`. */
export type Step = Common &
  (
    | { kind: 'call'; method: string; path: string; with: JsonObject; fails: JsonObject | null }
    | { kind: 'advance'; move: Move; clock: string | null }
    | { kind: 'submit'; url: string; with: JsonObject }
    | { kind: 'fault'; wish: JsonObject }
    | { kind: 'clear_faults' }
    | { kind: 'expect' }
  );

/** What is wrong with a scenario or came out otherwise: the step, counted from 1, and the place in the document. */
export class ScenarioFlaw extends Error {
  readonly step: number | null;
  readonly path: string;
  constructor(step: number | null, path: string, message: string) {
    super(message);
    this.name = 'ScenarioFlaw';
    this.step = step;
    this.path = path;
  }
}

/** More than anyone writes by hand, less than keeps a sandbox busy for long. */
const MOST_STEPS = 500;

const units: Record<string, number> = { ms: 1, seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 };

const verbs = ['call', 'advance', 'submit', 'fault', 'clear_faults', 'expect'] as const;

const allowed: Record<(typeof verbs)[number], readonly string[]> = {
  call: ['with', 'as', 'expect', 'fails'],
  advance: ['clock', 'as', 'expect'],
  submit: ['with'],
  fault: [],
  clear_faults: [],
  expect: [],
};

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads one step, saying where it is wrong. */
function readStep(value: unknown, number: number): Step {
  const here = `steps[${number - 1}]`;
  const wrong = (path: string, message: string): ScenarioFlaw =>
    new ScenarioFlaw(number, path === '' ? here : `${here}.${path}`, message);
  if (!isObject(value)) throw wrong('', 'A step is an object.');
  const given = verbs.filter((verb) => Object.hasOwn(value, verb));
  // `expect` also stands beside a call.
  const verb = given.length > 1 ? given.find((each) => each !== 'expect') : given[0];
  if (verb === undefined) throw wrong('', `A step has one of ${verbs.join(', ')}.`);
  for (const key of Object.keys(value)) {
    if (key === verb || key === 'note' || allowed[verb].includes(key)) continue;
    throw wrong(key, `A step with \`${verb}\` has no \`${key}\`.`);
  }
  const object = (key: string): JsonObject => {
    const found = value[key] ?? {};
    if (!isObject(found)) throw wrong(key, `\`${key}\` is an object.`);
    return found;
  };
  const text = (key: string): string => {
    const found = value[key];
    if (typeof found !== 'string' || found === '') throw wrong(key, `\`${key}\` is a text.`);
    return found;
  };
  const as = value['as'] === undefined ? null : text('as');
  if (as !== null && !/^[a-z]\w*$/i.test(as)) throw wrong('as', '`as` is a name of letters, digits and _.');
  const common = { as, expect: object('expect') };
  switch (verb) {
    case 'call': {
      const match = /^(GET|POST|DELETE) (\/v[12]\/\S+)$/.exec(text('call'));
      if (match === null) throw wrong('call', 'A call is a method and a path: `POST /v1/customers`.');
      const fails = value['fails'] === undefined ? null : object('fails');
      return { ...common, kind: 'call', method: match[1] ?? '', path: match[2] ?? '', with: object('with'), fails };
    }
    case 'advance':
      return {
        ...common,
        kind: 'advance',
        move: readMove(object('advance'), (path, message) => wrong(`advance${path}`, message)),
        clock: value['clock'] === undefined ? null : text('clock'),
      };
    case 'submit':
      return { ...common, kind: 'submit', url: text('submit'), with: object('with') };
    case 'fault':
      return { ...common, kind: 'fault', wish: object('fault') };
    case 'clear_faults':
    case 'expect':
      return { ...common, kind: verb };
  }
}

function readMove(move: JsonObject, wrong: (path: string, message: string) => ScenarioFlaw): Move {
  const { to } = move;
  if (to !== undefined) {
    if (typeof to !== 'string' || (Number.isNaN(Date.parse(to)) && !to.includes('${'))) {
      throw wrong('.to', '`to` is an instant such as 2026-02-01T00:00:00Z.');
    }
    return { to };
  }
  let by_ms = 0;
  for (const [unit, amount] of Object.entries(move)) {
    const length = units[unit];
    if (length === undefined) throw wrong(`.${unit}`, `Time is moved by ${Object.keys(units).join(', ')}, or \`to\`.`);
    if (typeof amount !== 'number' || !(amount >= 0)) throw wrong(`.${unit}`, `\`${unit}\` is a number from 0.`);
    by_ms += Math.round(amount * length);
  }
  if (by_ms === 0) throw wrong('', `Say how far: ${Object.keys(units).join(', ')}, or \`to\`.`);
  return { by_ms };
}

/** Reads a scenario whole before any of it runs; a flaw names its step and place. */
export function readScenario(document: unknown): Scenario {
  if (!isObject(document)) throw new ScenarioFlaw(null, '', 'A scenario is an object with `steps`.');
  for (const key of Object.keys(document)) {
    if (!['name', 'note', 'steps'].includes(key)) throw new ScenarioFlaw(null, key, `A scenario has no \`${key}\`.`);
  }
  const { name = 'Scenario', steps } = document;
  if (typeof name !== 'string') throw new ScenarioFlaw(null, 'name', '`name` is a text.');
  if (!Array.isArray(steps) || steps.length === 0)
    throw new ScenarioFlaw(null, 'steps', '`steps` is a list, not empty.');
  if (steps.length > MOST_STEPS) throw new ScenarioFlaw(null, 'steps', `A scenario has at most ${MOST_STEPS} steps.`);
  return { name, steps: steps.map((step: Json, index) => readStep(step, index + 1)) };
}
