/** From the first instant of a month (`2026-11`, UTC) to that of the next: a period ends with it in the next one's first. */
export function monthRange(month: string): { from: string; to: string } | null {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month);
  if (match === null) return null;
  const [year, number] = [Number(match[1]), Number(match[2])];
  const at = (index: number) => new Date(Date.UTC(year, index, 1) + 1).toISOString();
  return { from: at(number - 1), to: at(number) };
}

/** The month before the one that an instant lies in: the last that can be closed. */
export function monthBefore(now: number): string {
  const date = new Date(now);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
}
