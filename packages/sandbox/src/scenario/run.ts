import type { Json, JsonObject } from '../contract/json.ts';
import { type Move, type Scenario, ScenarioFlaw, type Step } from './scenario.ts';
import { asText, at, filled, mismatch, shown } from './values.ts';

/** An answer of the API. */
export interface Answer {
  status: number;
  body: JsonObject;
}

/** What a scenario is run against. */
export interface World {
  call(method: string, path: string, params: JsonObject): Promise<Answer>;
  /** What only a sandbox has; `null` where it is Stripe. */
  sandbox: {
    advance(ms: number): Promise<unknown>;
    now(): number;
    /** Adds a fault; refuses with a RangeError what is none. */
    fault(wish: JsonObject): void;
    clearFaults(): void;
    /** Presses a button of a hosted page; answers the status. */
    submit(url: string, form: JsonObject): Promise<number>;
  } | null;
  /** Awaited between two looks at a clock that is advancing. */
  pause(): Promise<void>;
}

/** What came of one step. */
export interface StepResult {
  step: number;
  /** `POST /v1/customers`, `advance 31 days`, … */
  what: string;
  /** What it was called, if anything. */
  as: string | null;
  /** The answer's `id`, where it has one. */
  id: string | null;
  answer: Answer | null;
}

/** What came of a scenario. A program reads `passed`; a person, `failure`. */
export interface ScenarioResult {
  name: string;
  passed: boolean;
  steps: StepResult[];
  of_steps: number;
  failure: { step: number; path: string; message: string } | null;
}

/** Looks at an advancing clock at most so often. */
const MOST_LOOKS = 600;

function spoken(move: Move): string {
  if ('to' in move) return `to ${move.to}`;
  const days = move.by_ms / 86_400_000;
  if (days >= 1) return `${Number(days.toFixed(3))} days`;
  return move.by_ms % 60_000 === 0 ? `${move.by_ms / 60_000} minutes` : `${move.by_ms} ms`;
}

/** What a step does, in a line. */
function described(step: Step): string {
  switch (step.kind) {
    case 'call':
      return `${step.method} ${step.path}`;
    case 'advance':
      return `advance ${spoken(step.move)}`;
    case 'submit':
      return `submit ${step.url}`;
    case 'fault':
      return `fault ${asText(step.wish['type'] ?? '')}`;
    case 'clear_faults':
      return 'clear faults';
    case 'expect':
      return `expect ${Object.keys(step.expect).join(', ')}`;
  }
}

/** One run: its names, and where in the document it is. */
class Run {
  readonly names: JsonObject = {};
  readonly world: World;
  number = 0;

  constructor(world: World) {
    this.world = world;
  }

  flaw(path: string, message: string): ScenarioFlaw {
    return new ScenarioFlaw(this.number, `steps[${this.number - 1}].${path}`, message);
  }

  fill<T extends Json>(value: T, path: string): Json {
    try {
      return filled(value, this.names);
    } catch (cause) {
      if (cause instanceof RangeError) throw this.flaw(path, cause.message);
      throw cause;
    }
  }

  object(value: JsonObject, path: string): JsonObject {
    return this.fill(value, path) as JsonObject;
  }

  own(what: string): NonNullable<World['sandbox']> {
    if (this.world.sandbox !== null) return this.world.sandbox;
    throw this.flaw(what, `Only a sandbox can \`${what}\`${what === 'advance' ? ' without a test clock' : ''}.`);
  }

  /** Holds values against what is expected, by path. */
  hold(expect: JsonObject, found: Json, path: string): void {
    for (const [key, wanted] of Object.entries(expect)) {
      const place = `${path}["${key}"]`;
      let value: Json;
      try {
        value = at(found, key);
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw this.flaw(place, `${key}: ${cause.message}`);
      }
      const why = mismatch(value, this.fill(wanted, place));
      if (why !== null) throw this.flaw(place, `${key}: ${why}`);
    }
  }

  async call(step: Step & { kind: 'call' }): Promise<Answer> {
    const path = asText(this.fill(step.path, 'call'));
    const answer = await this.world.call(step.method, path, this.object(step.with, 'with'));
    const error = answer.body['error'] ?? null;
    if (step.fails !== null) {
      if (error === null) throw this.flaw('fails', `It was to fail, and answered ${answer.status}.`);
      this.hold(step.fails, { ...(error as JsonObject), status: answer.status }, 'fails');
    } else if (answer.status >= 400 || error !== null) {
      const told = (error ?? {}) as JsonObject;
      const param = typeof told['param'] === 'string' ? ` (${told['param']})` : '';
      const path_of = typeof told['param'] === 'string' ? `with.${told['param']}` : 'call';
      throw this.flaw(path_of, `${answer.status}: ${asText(told['message'] ?? shown(answer.body))}${param}`);
    }
    return answer;
  }

  targetOf(move: Move, now_ms: number): number {
    if ('by_ms' in move) return now_ms + move.by_ms;
    const to = Date.parse(asText(this.fill(move.to, 'advance.to')));
    if (Number.isNaN(to)) throw this.flaw('advance.to', `"${move.to}" is no instant.`);
    return to;
  }

  async advance(step: Step & { kind: 'advance' }): Promise<Answer | null> {
    if (step.clock === null) {
      const own = this.own('advance');
      const ms = this.targetOf(step.move, own.now()) - own.now();
      if (ms < 0) throw this.flaw('advance', 'Time does not go back.');
      await own.advance(ms);
      return null;
    }
    const path = `/v1/test_helpers/test_clocks/${asText(this.fill(step.clock, 'clock'))}`;
    const look = async (method: string, way: string, params: JsonObject): Promise<Answer> => {
      const answer = await this.world.call(method, way, params);
      if (answer.status < 400) return answer;
      throw this.flaw('clock', asText(at(answer.body, 'error.message')));
    };
    const before = await look('GET', path, {});
    const target = this.targetOf(step.move, Number(before.body['frozen_time']) * 1_000);
    let clock = await look('POST', `${path}/advance`, { frozen_time: Math.floor(target / 1_000) });
    for (let looks = 0; clock.body['status'] === 'advancing'; looks += 1) {
      if (looks === MOST_LOOKS) throw this.flaw('clock', 'The clock is still advancing.');
      await this.world.pause();
      clock = await look('GET', path, {});
    }
    if (clock.body['status'] !== 'ready') throw this.flaw('clock', `The clock is ${shown(clock.body['status'])}.`);
    return clock;
  }

  async step(step: Step): Promise<Answer | null> {
    switch (step.kind) {
      case 'call':
        return await this.call(step);
      case 'advance':
        return await this.advance(step);
      case 'submit': {
        const url = asText(this.fill(step.url, 'submit'));
        const status = await this.own('submit').submit(url, this.object(step.with, 'with'));
        if (status >= 400) throw this.flaw('submit', `The page answered ${status}.`);
        return null;
      }
      case 'fault':
        try {
          this.own('fault').fault(this.object(step.wish, 'fault'));
        } catch (cause) {
          if (cause instanceof RangeError) throw this.flaw('fault', cause.message);
          throw cause;
        }
        return null;
      case 'clear_faults':
        this.own('clear_faults').clearFaults();
        return null;
      case 'expect':
        this.hold(step.expect, this.names, 'expect');
        return null;
    }
  }
}

/** Runs a scenario step by step, up to the first that does not come out as it says. */
export async function runScenario(scenario: Scenario, world: World): Promise<ScenarioResult> {
  const run = new Run(world);
  const steps: StepResult[] = [];
  let failure: ScenarioResult['failure'] = null;
  for (const [index, step] of scenario.steps.entries()) {
    run.number = index + 1;
    try {
      const answer = await run.step(step);
      if (step.as !== null && answer !== null) run.names[step.as] = answer.body;
      if (step.kind !== 'expect') run.hold(step.expect, answer?.body ?? null, 'expect');
      const id = answer?.body['id'];
      const result = { as: step.as, id: typeof id === 'string' ? id : null, answer };
      steps.push({ step: run.number, what: described(step), ...result });
    } catch (cause) {
      if (!(cause instanceof ScenarioFlaw)) throw cause;
      failure = { step: run.number, path: cause.path, message: cause.message };
      break;
    }
  }
  return { name: scenario.name, passed: failure === null, steps, of_steps: scenario.steps.length, failure };
}
