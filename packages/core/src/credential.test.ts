import { describe, expect, test } from 'vitest';
import { readCredential } from './credential.ts';

describe('the key of a request', () => {
  test('is read from either header, whatever the case of the scheme', () => {
    expect(readCredential('Bearer sky_1', undefined)).toEqual({ kind: 'key', key: 'sky_1' });
    expect(readCredential('bearer   sky_1 ', null)).toEqual({ kind: 'key', key: 'sky_1' });
    expect(readCredential(null, ' sky_1 ')).toEqual({ kind: 'key', key: 'sky_1' });
  });

  test('is one when both headers carry the same, and ambiguous when they differ', () => {
    expect(readCredential('Bearer sky_1', 'sky_1')).toEqual({ kind: 'key', key: 'sky_1' });
    expect(readCredential('Bearer sky_1', 'sky_2')).toEqual({ kind: 'ambiguous' });
  });

  test('is none without a header, with an empty one, and with another scheme', () => {
    for (const authorization of [undefined, null, '', 'Bearer', 'Bearer  ', 'Basic c2t5', 'BearerX sky_1']) {
      expect(readCredential(authorization, undefined)).toEqual({ kind: 'none' });
    }
    expect(readCredential('Basic c2t5', 'sky_1')).toEqual({ kind: 'key', key: 'sky_1' });
  });

  test('is never a list: a repeated header is one text that is no key', () => {
    expect(readCredential('Bearer sky_1, Bearer sky_2', undefined)).toEqual({
      kind: 'key',
      key: 'sky_1, Bearer sky_2',
    });
  });
});
