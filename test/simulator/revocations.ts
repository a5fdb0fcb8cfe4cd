import {DOCUMENTS, LASTING, LONELY} from './client.js';
import {COLLECTION} from './server.js';
import type {World} from './world.js';

/** The error of middleware for a user who may not read a document. */
const FORBIDDEN = {code: 'ERR_FORBIDDEN', message: 'You may not read this'};

export const forbidden = (): Error => Object.assign(new Error(FORBIDDEN.message), {code: FORBIDDEN.code});

export const isForbidden = (error: unknown): boolean => {
  const {code, message} = (error ?? {}) as {code?: unknown; message?: string};
  // ShareDB's error for several documents.
  return code === FORBIDDEN.code || code === 'ERR_SNAPSHOT_READS_REJECTED' || !!message?.includes(FORBIDDEN.message);
};

/** Documents that the user of the hosts may not read for a while. As in ShareDB, a client that follows one still gets its later ops. */
export class Revocations {
  private readonly revoked = new Set<string>();

  constructor(private readonly world: World) {}

  /** From now on the server checks each snapshot that a host reads. */
  begin(): void {
    this.world.server.guardReads(id => (this.revoked.has(id) ? forbidden() : undefined));
  }

  revoke(): void {
    this.revoked.add(this.world.random.pick([LASTING[1], LONELY]));
  }

  grant(): void {
    this.revoked.clear();
  }

  /** Checks that each tab shows the server's state, or that its app got an error. Afterwards the documents may be read, and apps repeat their requests. */
  async settle(): Promise<void> {
    const {world, world: {pages, ledger, server}} = this;
    await world.rest();
    for (const page of pages) {
      for (const id of DOCUMENTS.filter(id => this.revoked.has(id) && page.subscribed.has(id))) {
        const {v} = server.database.snapshotOf(COLLECTION, id) as {v: number};
        const doc = page.doc(id);
        if (page.isRefused(id)) continue;
        if (doc.version !== v) ledger.problem(`${page.name} may not read ${id}, is at version ${doc.version}, the server at ${v}, and was not told`);
      }
    }
    this.grant();
    for (const page of pages) page.askAgain();
    await world.rest();
  }
}
