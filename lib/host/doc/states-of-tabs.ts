import {isLocal} from '../../protocol/local.js';
import type {ConcurrentStep, Step} from '../../ot/history-entry.js';
import {DataCopies, copied, isSameData} from '../../ot/invert.js';
import type {SnapshotData} from '../../protocol/messages.js';
import {opsSince} from '../letters/ops-since.js';
import type {RealDoc} from '../upstream.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import type {JournaledDoc} from './journaled-doc.js';
import {typeOf} from './server-snapshot.js';

/**
 * Finds the revision of a state on which a tab makes ops and which this host has not sent: the app has ingested it, or another host has
 * sent it. A state of another host is compared, because the version alone does not show that the server still has the same history.
 */
export class StatesOfTabs {
  /** The states for which the server was asked for ops. */
  private readonly asked = new WeakSet<SnapshotData>();

  constructor(private readonly doc: RealDoc, private readonly journaled: JournaledDoc, private readonly updates: FollowerUpdates) {}

  /** Sends the tab the revision of its state, if this document has had the state. A document without a state first ingests the tab's. */
  position(follower: Follower, inc: number, snapshot: SnapshotData): void {
    const {journaled} = this;
    if (!this.isWanted(follower, inc, snapshot)) return;
    const {v, type, data, fromHost} = snapshot;
    if (!journaled.hasState) {
      if (fromHost && (!typeOf(type) || journaled.isLocked)) return;
      journaled.ingest({v: v!, type, data: fromHost ? structuredClone(data) : data});
      // The first request to the server asks for the snapshot.
      if (fromHost) journaled.server.noteStoredState();
    }
    const rev = journaled.revisionOf(v!);
    if (rev !== undefined && this.leadsToData(snapshot, rev, [])) this.updates.position(follower, rev);
  }

  /**
   * Asks the server for the ops from the state to the first revision that is known.
   * @returns whether the server is asked. If so, `callback` is called after the tab's position was sent or could not be found.
   */
  askForOps(follower: Follower, inc: number, snapshot: SnapshotData, callback: () => void): boolean {
    if (!snapshot.fromHost || !this.isWanted(follower, inc, snapshot) || this.asked.has(snapshot) || this.doc.connection.state !== 'connected') return false;
    this.asked.add(snapshot);
    void opsSince(this.doc, snapshot.v!).then(ops => {
      if (ops && this.isWanted(follower, inc, snapshot)) this.positionBefore(follower, snapshot, ops);
      callback();
    });
    return true;
  }

  private positionBefore(follower: Follower, snapshot: SnapshotData, ops: readonly ConcurrentStep[]): void {
    const end = this.journaled.history.cleanSince(snapshot.v!);
    if (!end) return;
    const {rev, v} = end;
    const concurrent = ops.slice(0, v - snapshot.v!);
    if (concurrent.length === v - snapshot.v! && this.leadsToData(snapshot, rev, concurrent)) this.updates.continueOver(follower, rev, v, concurrent);
  }

  private isWanted(follower: Follower, inc: number, {v, fromHost}: SnapshotData): boolean {
    // The host's copy of a local document is the only one, so a state of another host can't be compared with the server's.
    return v !== null && follower.sent === null && inc === follower.inc && !this.updates.isInRollback && !(fromHost && isLocal(this.doc.collection));
  }

  /** Whether these ops, and then the entries since `rev`, lead from the state to the document's present data. */
  private leadsToData({type: name, data, fromHost}: SnapshotData, rev: number, ops: readonly ConcurrentStep[]): boolean {
    if (!fromHost) return true;
    const {journaled, doc: {type}} = this;
    const steps = [...ops, ...journaled.history.after(rev)].map(({step}) => step);
    // After a creation, a deletion or a load, the data do not depend on the state.
    if (steps.some(step => step.create || step.del || step.load)) return typeOf(name) !== null;
    if (!type || typeOf(name) !== type) return false;
    const {data: now} = JSON.parse(journaled.snapshotJson()) as SnapshotData;
    try {
      const led = steps.reduce((made: unknown, step) => applied(type, step, made), new DataCopies(type, data).make());
      return isSameData(type, led, new DataCopies(type, now).make());
    } catch {
      return false;
    }
  }
}

/** Applies a copy of the op, because a type may put parts of an op into the data and change them later. */
const applied = (type: NonNullable<RealDoc['type']>, {op}: Step, data: unknown): unknown => (op === undefined ? data : type.apply(data, copied(op)));
