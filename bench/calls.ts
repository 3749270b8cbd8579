/** What is asked of a server under load: the gate's two calls, or the seller's API itself. */
export type Call = 'verify' | 'forward-auth' | 'api';

/** The bytes of one call, as an SDK, a proxy or a customer sends them. */
export function callOf(call: Call, key: string, secret_key: string): string {
  if (call !== 'verify') {
    const target = call === 'api' ? '/v1/forecast?city=oslo' : '/v1/gate/forward-auth?endpoint=/v1/forecast';
    return [
      `GET ${target} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${key}`,
      ...(call === 'api' ? [] : ['X-Forwarded-For: 203.0.113.9']),
      'User-Agent: bench',
      'Accept: */*',
      '\r\n',
    ].join('\r\n');
  }
  const body = JSON.stringify({ key, scope: 'forecast:read', endpoint: '/v1/forecast', ip: '203.0.113.9' });
  return [
    'POST /v1/keys/verify HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${secret_key}`,
    'Content-Type: application/json',
    'User-Agent: bench',
    'Accept: */*',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `\r\n${body}`,
  ].join('\r\n');
}
