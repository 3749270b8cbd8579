/** What this process was told, and how it says where it serves. */
export const told = JSON.parse(process.argv[2] ?? '{}');

/** @param {import('node:http').Server} server */
export function listen(server) {
  server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port, secret_key: '' }));
}

/** The key a request carries. */
export function keyOf(headers) {
  return headers.authorization?.replace(/^Bearer /, '') ?? '';
}

export const forecast = { city: 'Oslo', days: [{ day: 'Monday', celsius: 4 }], unit: 'celsius' };
