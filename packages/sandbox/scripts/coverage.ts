/**
 * Writes COVERAGE.md, what the sandbox has of Stripe and why not the rest, and src/contract/fields.json, which fields of answers
 * the probes never saw set: `npm run coverage`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { coverage } from '../src/contract/coverage.ts';
import endpoints from '../vectors/endpoints.json' with { type: 'json' };

type Coverage = ReturnType<typeof coverage>;
type Missing = Coverage['objects'][number]['unset'];

/** Reasons in the order they come, each with what it is for. */
function byReason(
  missing: readonly { name: string; reason: string | null; from: string }[],
): Map<string, Map<string, string[]>> {
  const found = new Map<string, Map<string, string[]>>();
  for (const { name, reason, from } of missing) {
    const names = found.get(reason ?? 'Not built yet.') ?? new Map<string, string[]>();
    found.set(reason ?? 'Not built yet.', names);
    names.set(name, [...(names.get(name) ?? []), from]);
  }
  return found;
}

function table(missing: readonly { name: string; reason: string | null; from: string }[], what: string): string {
  const rows = [...byReason(missing)]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([reason, names]) => {
      const texts = [...names].map(
        ([name, from]) => `\`${name}\` (${from.length > 3 ? `${from.length} routes` : from.join(', ')})`,
      );
      return `| ${reason} | ${texts.join(', ')} |`;
    });
  return [`| why | ${what} |`, '|---|---|', ...rows].join('\n');
}

function named(missing: Missing, from: string): { name: string; reason: string | null; from: string }[] {
  return missing.map((each) => ({ ...each, from }));
}

function routesTable({ families }: Coverage): string {
  const rows = families.map(({ name, built, unbuilt }) => {
    const reasons = [...new Set(unbuilt.map((each) => each.reason ?? 'Not built yet.'))];
    return `| ${name} | ${built.length} | ${unbuilt.length} | ${reasons.join(' ')} |`;
  });
  return ['| family | built | not | why not |', '|---|---:|---:|---|', ...rows].join('\n');
}

function builtTable({ families }: Coverage): string {
  const rows = families
    .flatMap((each) => each.built)
    .map(
      ({ route, implemented, inert, refused }) =>
        `| \`${route}\` | ${implemented.length} | ${inert.length} | ${refused.length} |`,
    );
  return ['| route | implemented | without effect | refused |', '|---|---:|---:|---:|', ...rows].join('\n');
}

function fieldsTable({ objects }: Coverage): string {
  const rows = objects.map(({ object, fields, unset }) => {
    const reasons = [...byReason(named(unset, object))].map(
      ([reason, names]) => `${[...names.keys()].map((name) => `\`${name}\``).join(', ')}: ${reason}`,
    );
    return `| \`${object}\` | ${fields - unset.length} of ${fields} | ${reasons.join('<br />')} |`;
  });
  return ['| object | fields set | never set, and why |', '|---|---:|---|', ...rows].join('\n');
}

/** How many of the endpoints that a subscription business calls are built; the others by name. */
export function endpointCounts(found: Coverage): { built: number; all: number; missing: string[] } {
  const built = new Set(found.families.flatMap((each) => each.built.map(({ route }) => route)));
  const missing = endpoints.endpoints.filter((each) => !built.has(each));
  return { built: endpoints.endpoints.length - missing.length, all: endpoints.endpoints.length, missing };
}

/** What COVERAGE.md holds. */
export function coverageText(found: Coverage): string {
  const { routes, params, fields } = found.counts;
  const built = found.families.flatMap((each) => each.built);
  const business = endpointCounts(found);
  const rest =
    business.missing.length === 0 ? '' : ` Not built: ${business.missing.map((each) => `\`${each}\``).join(', ')}.`;
  return `# What the sandbox has of Stripe

Written by \`npm run coverage -w @farebox/sandbox\` from the tables that the sandbox itself reads; a test fails when it is stale. The
control room shows the same under \`/_sandbox/coverage\`.

| | |
|---|---|
| endpoints of a subscription business (\`vectors/endpoints.json\`) | ${business.built} of ${business.all} |
| routes of the official SDK | ${routes.built} of ${routes.all} |
| parameters of the built routes, nested ones too: implemented | ${params.implemented} |
| taken without effect | ${params.inert} |
| refused with the code \`unsupported\`, with all that is inside | ${params.refused} |
| fields of the objects answered: set in some answer | ${fields.set} of ${fields.all} |

Nothing else is quietly ignored: a name that Stripe does not have is \`parameter_unknown\`, a route that is not built is
\`unsupported\`.${rest}

## Parameters without effect

${table(
  built.flatMap((each) => named(each.inert, each.route)),
  'parameter',
)}

## Refused parameters

${table(
  built.flatMap((each) => named(each.refused, each.route)),
  'parameter',
)}

## Routes

${routesTable(found)}

## Fields of answers

A field counts as set when a probe saw it with another value than \`null\`. Every object has all its fields, also those.

${fieldsTable(found)}

## Built routes

${builtTable(found)}
`;
}

if (import.meta.main) {
  const { probes } = await import('../test/probes/all.ts');
  const { runProbe } = await import('../test/probes/probe.ts');
  const { unseen } = await import('../test/conform.ts');
  for (const own of Object.values(probes)) for (const [name, run] of Object.entries(own)) await runProbe(name, run);
  const file = new URL('../src/contract/fields.json', import.meta.url);
  const lines = Object.entries(unseen()).map(([object, each]) => `${JSON.stringify(object)}: ${JSON.stringify(each)}`);
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
  // A process of its own reads the fields as they are now; the formatter writes tables as it likes them.
  const text = `import { coverage } from '${new URL('../src/contract/coverage.ts', import.meta.url).href}'; import { coverageText } from '${import.meta.url}'; process.stdout.write(coverageText(coverage()));`;
  const args = ['--conditions=farebox', '--input-type=module', '--eval', text];
  writeFileSync(new URL('../COVERAGE.md', import.meta.url), execFileSync(process.execPath, args));
}
