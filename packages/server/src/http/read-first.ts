import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { invariant } from '../lib/invariant.ts';

/**
 * Has somebody else read the connections of a server of `node:http` first; answers how one is handed to the parser. The server listens
 * itself: only then does it watch how long a head takes that it was handed.
 */
export function readFirst(server: Server, accept: (socket: Socket) => void): (socket: Socket) => void {
  const [parse] = server.listeners('connection');
  invariant(parse !== undefined, 'a server of node:http reads its connections');
  server.removeAllListeners('connection').on('connection', accept);
  return (socket) => void Reflect.apply(parse, server, [socket]);
}
