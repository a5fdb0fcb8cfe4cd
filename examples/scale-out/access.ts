import type ShareDB from 'sharedb';

/** The one collection. Presence channels of its documents begin with `notes.`. */
export const NOTES = 'notes';

const EDITORS = new Set(['ada']);

/**
 * The first part of an id names the readers of the note: everyone for `team:` and `notice:`, otherwise one user. Only editors write notices.
 * An id is whatever a client has sent: ShareDB passes `null` to middleware, and an error that middleware throws ends the process.
 */
export function mayRead(user: string, id: unknown): id is string {
  return typeof id === 'string' && (/^(team|notice):/.test(id) || id.startsWith(`${user}:`));
}

export function mayWrite(user: string, id: unknown): boolean {
  return mayRead(user, id) && (!id.startsWith('notice:') || EDITORS.has(user));
}

interface Context {
  agent: {custom: {user?: string}; stream: {isServer?: boolean}};
  req?: {user?: string};
  collection: unknown;
  id: unknown;
  query: {prefix?: unknown};
  snapshots: {id: unknown}[];
  presence: {ch: unknown};
  rejectSnapshotRead(snapshot: {id: unknown}, error: Error): void;
}

type Next = (error?: Error) => void;

class ForbiddenError extends Error {
  readonly code = 'ERR_FORBIDDEN';
  constructor(user: string | undefined, what: string) {
    super(`${user ?? 'Somebody who is not signed in'} may not ${what}`);
  }
}

/**
 * Rejects what a user may not do. All tabs of a browser profile and namespace are one client, and one user.
 *
 * Documents that a client has already are brought up to date with ops alone, so `op` has to check what `readSnapshots` checks.
 */
export function restrict(backend: ShareDB): void {
  const use = (action: string, check: (context: Context, user: string) => string | undefined): void => {
    backend.use(action as 'submit', ((context: Context, next: Next) => {
      // The server's own connections have no request.
      if (context.agent.stream.isServer) return next();
      const {user} = context.agent.custom;
      const complaint = user === undefined ? 'do anything' : check(context, user);
      next(complaint === undefined ? undefined : new ForbiddenError(user, complaint));
    }) as never);
  };

  backend.use('connect', ((context: Context, next: Next) => {
    if (context.req?.user !== undefined) context.agent.custom.user = context.req.user;
    next();
  }) as never);
  use('readSnapshots', (context, user) => {
    for (const snapshot of context.snapshots) {
      if (context.collection === NOTES && mayRead(user, snapshot.id)) continue;
      context.rejectSnapshotRead(snapshot, new ForbiddenError(user, `read ${context.collection} ${snapshot.id}`));
    }
    return undefined;
  });
  use('op', ({collection, id}, user) => (collection === NOTES && mayRead(user, id) ? undefined : `read ${collection} ${id}`));
  use('submit', ({collection, id}, user) => (collection === NOTES && mayWrite(user, id) ? undefined : `write ${collection} ${id}`));
  use('query', ({collection, query}, user) => {
    const {prefix} = query ?? {};
    const isAllowed = collection === NOTES && mayRead(user, prefix) && prefix.endsWith(':');
    return isAllowed ? undefined : `query ${collection} for ${JSON.stringify(query)}`;
  });
  const mayMeet = ({presence: {ch}}: Context, user: string): string | undefined =>
    (typeof ch === 'string' && ch.startsWith(`${NOTES}.`) && mayRead(user, ch.slice(NOTES.length + 1)) ? undefined : `use the presence channel ${ch}`);
  use('receivePresence', mayMeet);
  use('sendPresence', mayMeet);
}
