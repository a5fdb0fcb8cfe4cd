import type {Type} from 'sharedb/lib/sharedb.js';

/** The client's op without the server's, and the server's without the client's, as ShareDB's client transforms them. */
export function transformBoth(type: Type, client: unknown, server: unknown): [client: unknown, server: unknown] {
  if (typeof type['transformX'] === 'function') return (type['transformX'] as (...ops: unknown[]) => [unknown, unknown])(client, server);
  return [type.transform(client, server, 'left'), type.transform(server, client, 'right')];
}
