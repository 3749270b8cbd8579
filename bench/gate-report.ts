import { type Candidate, counters, floors, named } from './gate-candidates.ts';
import type { Loaded } from './load.ts';

/** One round of one candidate. */
export interface Measured extends Loaded {
  /** Of the processor, per request: by the processes that answer, and by those that work for them. */
  cpu_us: number;
  beside_us: number;
  /** Part of the machine that programs of others took meanwhile, 0 to 1. */
  others: number;
}

type Results = ReadonlyMap<string, readonly Measured[]>;

/** What is promised: so many times as many requests per second as the other. */
const promises: readonly { figure: string; of: readonly string[]; over: string; least: number }[] = [
  { figure: 'verify', of: [named.node('verify', 'memory')], over: floors.verify, least: 0.9 },
  { figure: 'forward_auth', of: [named.node('forward-auth', 'memory')], over: floors['forward-auth'], least: 0.9 },
  { figure: 'proxy', of: [named.proxy], over: floors.proxy, least: 1 },
  ...(['Express', 'Fastify'] as const).map((framework) => ({
    figure: framework.toLowerCase(),
    of: counters.map((counter) => named.local(framework, counter)),
    over: named.bare(framework),
    least: 0.85,
  })),
  { figure: 'by_hand', of: [named.local('Express', 'leased')], over: named.byHand, least: 4 },
  { figure: 'better_auth', of: [named.node('verify', 'memory')], over: named.betterAuth, least: 50 },
];

/** Every promise about candidates that were there, with the least ratio of those it is about; and that every request was let through. */
export function judge(all: readonly Candidate[], results: Results): { met: boolean; figures: Record<string, number> } {
  const figures: Record<string, number> = {};
  let met = all.length > 0;
  for (const { figure, of, over, least } of promises) {
    const ratios = of.map((name) => ratioOf(results, name, over)).filter((ratio) => ratio !== null);
    if (ratios.length === 0) continue;
    const ratio = Math.min(...ratios);
    figures[figure] = Number(ratio.toFixed(2));
    const byCpu = of.map((name) => cpuRatioOf(results, name, over)).filter((each) => each !== null);
    if (byCpu.length > 0) figures[`${figure}_cpu`] = Number(Math.min(...byCpu).toFixed(2));
    if (!(ratio >= least)) met = false;
  }
  const refused = [...results.values()].flat().reduce((sum, each) => sum + each.refused, 0);
  return { met: met && refused === 0, figures: { ...figures, refused } };
}

export function table(all: readonly Candidate[], results: Results): string {
  const head = `${'candidate'.padEnd(52)}   req/s  × floor  × CPU  p50 µs  p99 µs  CPU µs  beside µs  refused`;
  const lines = all.map(({ name, floor }) => {
    const rounds = results.get(name) ?? [];
    const of = (field: keyof Measured): number => median(rounds.map((each) => each[field]));
    const cells = [
      of('per_second').toFixed(0).padStart(8),
      (ratioOf(results, name, floor)?.toFixed(2) ?? '').padStart(9),
      (cpuRatioOf(results, name, floor)?.toFixed(2) ?? '').padStart(7),
      of('p50_us').toFixed(0).padStart(8),
      of('p99_us').toFixed(0).padStart(8),
      of('cpu_us').toFixed(1).padStart(8),
      of('beside_us').toFixed(1).padStart(11),
      String(rounds.reduce((sum, each) => sum + each.refused, 0)).padStart(9),
    ];
    return name.padEnd(52) + cells.join('');
  });
  return [head, ...lines].join('\n');
}

/** How many of its requests one core answers for one of the other's. On a machine that is shared, this is what stays. */
function cpuRatioOf(results: Results, name: string, over: string): number | null {
  const of = (one: string) => median((results.get(one) ?? []).map(({ cpu_us }) => cpu_us));
  const ratio = of(over) / of(name);
  return Number.isNaN(ratio) ? null : ratio;
}

/** The median over rounds: what disturbs one of them, disturbs both that are compared. Null where one was not measured. */
function ratioOf(results: Results, name: string, over: string): number | null {
  const [ours, others] = [results.get(name) ?? [], results.get(over) ?? []];
  if (ours.length === 0 || others.length === 0) return null;
  return median(ours.map(({ per_second }, round) => per_second / (others[round]?.per_second ?? Number.NaN)));
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
