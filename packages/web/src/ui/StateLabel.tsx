import { Status, type Tone } from './Status.tsx';

const tones: Record<string, Tone> = {
  active: 'good',
  trialing: 'good',
  done: 'good',
  paid: 'good',
  received: 'brand',
  incomplete: 'warn',
  paused: 'warn',
  past_due: 'bad',
  unpaid: 'bad',
  parked: 'bad',
};

/** A state by its own name, for tables of operators: `past_due` → `Past due`. */
export function StateLabel({ state }: { state: string }) {
  const words = state.replaceAll('_', ' ');
  return <Status tone={tones[state] ?? 'neutral'}>{words.charAt(0).toUpperCase() + words.slice(1)}</Status>;
}
