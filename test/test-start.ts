const wished = process.env['TEST_START'] ?? '2026-03-10T12:00:00Z';

/**
 * When each test begins (milliseconds), so that a run on the last evening of a month asks what a run on any other asks.
 * Other days are tried by who looks for faults: `TEST_START=2027-12-31T23:50:00Z npm test`.
 */
export const testStart = Date.parse(wished);
if (Number.isNaN(testStart)) throw new RangeError('TEST_START takes an instant, as 2027-12-31T23:50:00Z.');

const machineStart = Date.now();

/** The time of tests (milliseconds): it runs as the machine's does, from `testStart` on. */
export const testNow = (): number => testStart + Date.now() - machineStart;
