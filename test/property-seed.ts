import fc from 'fast-check';

/**
 * Property tests try the same cases in every run, so that a run is red for what was changed and not for what was drawn.
 * Others are tried by who looks for faults: `PROPERTY_SEED=7 npm test`.
 */
export const propertySeed = Number(process.env['PROPERTY_SEED'] ?? '1');
if (!Number.isSafeInteger(propertySeed)) throw new RangeError('PROPERTY_SEED takes a whole number.');

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: propertySeed });
