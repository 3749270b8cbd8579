import { readFile } from 'node:fs/promises';
import { shippedScenarios } from '../package-files.ts';
import { createSandbox } from '../sandbox.ts';
import { type Recording, record, recordFlaw } from './record.ts';
import { runScenario, type ScenarioResult } from './run.ts';
import { readScenario, type Scenario, ScenarioFlaw } from './scenario.ts';
import { sandboxWorld } from './world.ts';

/** Reads a scenario from a file, or by the name of one that comes with the package. */
async function openScenario(file: string): Promise<Scenario> {
  const shipped = /[/.]/.test(file) ? undefined : (await shippedScenarios()).get(file);
  if (shipped !== undefined) return readScenario(shipped);
  try {
    return readScenario(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new Error(`${file} is not JSON: ${cause.message}`, { cause });
    if (cause instanceof ScenarioFlaw) {
      const step = cause.step === null ? '' : `step ${cause.step}, `;
      throw new Error(`${file}: ${step}${cause.path}: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

/** What came of a scenario, in lines for a person. */
function lines(result: ScenarioResult): string {
  const done = result.steps.map(({ step, what, id }) => `✓ ${step} ${what}${id === null ? '' : `  ${id}`}`);
  const { failure } = result;
  const end =
    failure === null
      ? [`${result.name}: ${result.of_steps} steps passed.`]
      : [`✗ ${failure.step} ${failure.path}`, `  ${failure.message}`, `${result.name}: step ${failure.step} failed.`];
  return `${[...done, ...end].join('\n')}\n`;
}

/** Runs a scenario in a sandbox that stands still and ends with it; answers the exit code. */
export async function playScenario(
  file: string,
  { json, seed }: { json: boolean; seed: string | undefined },
): Promise<number> {
  const scenario = await openScenario(file);
  const sandbox = await createSandbox({ frozen: true, ...(seed === undefined ? {} : { seed }) });
  try {
    const world = sandboxWorld(sandbox, (request) => sandbox.fetch(request), 'http://127.0.0.1', 'sk_test_scenario');
    const result = await runScenario(scenario, world);
    process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : lines(result));
    return result.passed ? 0 : 1;
  } finally {
    await sandbox.close();
  }
}

/** Where the answers differ, in lines for a person. */
function comparison({ sandbox, steps, stripe }: Recording): string {
  const told: string[] = [];
  for (const { differences, step, what } of steps) {
    told.push(`${differences.length === 0 ? '=' : '≠'} ${step} ${what}`);
    for (const { path, says, sandbox: ours, stripe: theirs } of differences) {
      const values = [theirs === null ? [] : [`Stripe ${theirs}`], ours === null ? [] : [`sandbox ${ours}`]].flat();
      told.push(`    ${path}: ${says} (${values.join(', ')})`);
    }
  }
  for (const [where, { failure }] of Object.entries({ Stripe: stripe, 'The sandbox': sandbox })) {
    if (failure !== null) told.push(`${where} ended at step ${failure.step}, ${failure.path}: ${failure.message}`);
  }
  const count = steps.reduce((sum, { differences }) => sum + differences.length, 0);
  told.push(`${steps.length} answers compared, ${count} fields differ.`);
  return `${told.join('\n')}\n`;
}

/** Runs a scenario at Stripe, in test mode, and here, and prints how the answers differ; answers the exit code. */
export async function recordScenario(
  file: string,
  options: { json: boolean; key: string; base: string | undefined },
): Promise<number> {
  const where = { key: options.key, ...(options.base === undefined ? {} : { base: options.base }) };
  const flaw = recordFlaw(where);
  if (flaw !== null) throw new Error(flaw);
  const recording = await record(await openScenario(file), where);
  process.stdout.write(options.json ? `${JSON.stringify(recording.steps, null, 2)}\n` : comparison(recording));
  const is_same = recording.steps.every(({ differences }) => differences.length === 0);
  return is_same && recording.stripe.passed && recording.sandbox.passed ? 0 : 1;
}
