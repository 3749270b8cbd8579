import { expect, test } from 'vitest';
import { clean, responseHeaders } from './headers.ts';

test.each(['a\r\nX-Other: b', 'a\nb', 'a\0b', 'a\u010ab'])('no header of ours says %j', (value) => {
  expect(() => clean(value)).toThrow('may not have this value');
  expect(() => responseHeaders([], { RateLimit: value }, new Set())).toThrow();
});

test('what is one line passes as it is', () => {
  expect(responseHeaders([], { RateLimit: '"a b";r=1\t\xfc' }, new Set())).toEqual(['RateLimit', '"a b";r=1\t\xfc']);
});
