const unitsMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longer than this, amounts are included per billing period instead. */
export const longestWindowMs = 31 * 86_400_000;

/** Milliseconds of a window as it is written: `10s`, `5m`, `1h`, `1d`. Null when the text is none of these. */
export function windowMsOf(text: string): number | null {
  const match = /^([1-9]\d{0,6})([smhd])$/.exec(text);
  return match === null ? null : Number(match[1]) * (unitsMs[match[2] ?? ''] ?? 0);
}
