/** Text for a cell of a table: a pipe or a line break would end it; markup in somebody's own words stays text. */
export function cell(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|]/g, (character) => `\\${character}`).replaceAll(/\s+/g, ' ');
}
