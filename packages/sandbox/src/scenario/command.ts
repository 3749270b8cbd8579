import { readFile } from 'node:fs/promises';
import { shippedScenarios } from '../package-files.ts';
import { createSandbox } from '../sandbox.ts';
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
