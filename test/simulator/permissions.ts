import {LASTING, LONELY} from './client.js';
import type {Page} from './page.js';
import {forbidden} from './revocations.js';
import {COLLECTION} from './server.js';
import type {World} from './world.js';

/** The documents that the user of the hosts may not always write or read. */
const GUARDED = [LASTING[1], LONELY];

/**
 * Documents that the user of the hosts may not write or read for a while, and ops that the user may not read for a while. ShareDB's server is silent
 * about a published op that may not be read. Its client notices at the next op that one is missing, and its request for the ops is rejected.
 * The server answers an op that it has committed after such ops with an error.
 */
export class Permissions {
  private readonly readOnly = new Set<string>();
  /** The documents of which the user may read neither the state nor ops. */
  private readonly unreadable = new Set<string>();
  /** The versions whose ops may not be read, by document: from the first one until before the second one. */
  private readonly hidden = new Map<string, [number, number]>();

  constructor(private readonly world: World) {}

  /** From now on the server checks each op that a host sends or reads. */
  begin(): void {
    const {server} = this.world;
    server.guardReads(id => (this.unreadable.has(id) ? forbidden() : undefined));
    server.guardOps(
      id => (this.readOnly.has(id) ? forbidden() : undefined),
      (id, version) => {
        const [from, until] = this.hidden.get(id) ?? [0, 0];
        return this.unreadable.has(id) || (version >= from && version < until) ? forbidden() : undefined;
      }
    );
  }

  /** From now on the user may not write a document, not read it, or not read the next ops on it. */
  restrict(): void {
    const {random} = this.world;
    const id = random.pick(GUARDED);
    const version = this.versionOf(id);
    switch (random.below(3)) {
      case 0: return void this.readOnly.add(id);
      case 1: return void this.unreadable.add(id);
      default: return void this.hidden.set(id, [version, version + 1 + random.below(3)]);
    }
  }

  grant(): void {
    this.readOnly.clear();
    this.unreadable.clear();
    this.hidden.clear();
  }

  /**
   * Checks that each tab shows the server's state, or that its app got an error. With the next op that may be read, a client detects that ops
   * are missing. Afterwards everything is allowed, and apps repeat their requests.
   */
  async settle(): Promise<void> {
    const {world, world: {pages}} = this;
    await world.rest();
    for (const [id, [, until]] of this.hidden) while (this.versionOf(id) <= until) await world.writeElsewhere(id);
    await world.rest();
    if (this.unreadable.size) {
      // With the next connection, a client gets the error for a document that it may not read any more.
      const {line} = world.election.current!;
      line.lose(() => true);
      line.restore();
      await world.rest();
    }
    const refused: [Page, string][] = [];
    for (const page of pages) {
      for (const id of GUARDED.filter(id => page.subscribed.has(id))) {
        if (page.isRefused(id)) refused.push([page, id]);
        else this.judge(page, id, 'was not told');
      }
    }
    this.grant();
    for (const page of pages) page.askAgain();
    await world.rest();
    for (const [page, id] of refused) this.judge(page, id, 'has asked for it again');
  }

  private judge(page: Page, id: string, but: string): void {
    const {version} = page.doc(id);
    const latest = this.versionOf(id);
    if (version !== latest && !this.isRefusedThere(id)) this.world.ledger.problem(`${page.name} follows ${id}, is at version ${version}, the server at ${latest}, and ${but}`);
  }

  /** Whether an op on the document was answered with an error. It may have been committed: the next op of another client will show that. */
  private isRefusedThere(id: string): boolean {
    return this.world.ledger.letters.some(letter => (JSON.parse(letter) as {doc: string}).doc === id);
  }

  private versionOf(id: string): number {
    return (this.world.server.database.snapshotOf(COLLECTION, id) as {v: number}).v;
  }
}
