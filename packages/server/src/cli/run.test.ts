import { expect, test, vi } from 'vitest';
import { run } from './run.ts';

test('help is an answer and not a mistake, whichever way it is asked for', async () => {
  const said = vi.spyOn(console, 'log').mockReturnValue();
  const complained = vi.spyOn(console, 'error').mockReturnValue();
  try {
    for (const word of ['help', '--help', '-h']) expect(await run([word]), word).toBe(0);
    expect(said.mock.calls.flat().every((text) => String(text).includes('farebox push'))).toBe(true);
    expect(complained).not.toHaveBeenCalled();
    expect(await run(['--version'])).toBe(0);
    expect(said).toHaveBeenLastCalledWith(expect.stringMatching(/^\d+\.\d+\.\d+$/));
  } finally {
    said.mockRestore();
    complained.mockRestore();
  }
});

test('a command that does not exist is said with the ones that do, as a mistake', async () => {
  const complained = vi.spyOn(console, 'error').mockReturnValue();
  try {
    expect(await run(['pish'])).toBe(2);
    expect(complained).toHaveBeenLastCalledWith(expect.stringMatching(/^There is no command "pish"\.[^]*farebox push/));
  } finally {
    complained.mockRestore();
  }
});
