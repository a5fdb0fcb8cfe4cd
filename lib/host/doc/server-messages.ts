import type {Step} from '../../ot/history-entry.js';
import {isLocal} from '../../protocol/local.js';
import type {Callback, RealOp, ServerSnapshot} from '../upstream.js';
import type {DocRecord} from './doc-record.js';
import type {JournalReplay} from './journal-replay.js';
import {isMissingType, missingType} from './missing-type.js';
import {notApplied} from './op-errors.js';
import {originsOf} from './real-ops.js';
import type {Rollbacks} from './rollbacks.js';
import type {ServerStateCheck} from './server-state-check.js';

export interface ServerMessagesOwner {
  readonly server: ServerStateCheck;
  readonly rollbacks: Rollbacks;
  readonly replay: JournalReplay;
  /** Runs an action that upstream may end with `_clearInflightOp`. @param isAnswer whether that has a record of its own */
  whileAnswering(act: () => void, isAnswer: boolean): void;
  noteVersion(): void;
}

/** Takes what the server says of a document: ops, acknowledgements, refusals and snapshots. */
export class ServerMessages {
  /** The document has a type that this host does not know. It is treated as if it did not exist. */
  missing: Error | undefined;
  /** The tab whose op an error is about, while the error is told. */
  blamed: string | undefined;
  /** The journal is being read. Snapshots of queries wait for it; the server's messages are requested again afterwards. */
  private isReading = false;
  private hasMissed = false;

  constructor(private readonly record: DocRecord, private readonly owner: ServerMessagesOwner) {}

  beginReading(): void {
    this.isReading = true;
  }

  /** @returns whether the server has sent a message meanwhile */
  endReading(): boolean {
    this.isReading = false;
    return this.hasMissed;
  }

  /**
   * Keeps what is stored, if it can't be used because its type is missing: a host that knows the type may use it later.
   * @returns whether that is the reason
   */
  lock(error: unknown): boolean {
    if (!isMissingType(error)) return false;
    this.record.isLocked = true;
    this.noteMissing(error as Error);
    return true;
  }

  private noteMissing(error: Error): void {
    this.missing = error;
    this.record.events.onMissingType(error);
  }

  /** Takes an op, an acknowledgement or a refusal, and writes it to the journal. */
  handleOp(error: Error | null, message: {v?: number}): void {
    if (this.isReading) {
      this.hasMissed = true;
      return;
    }
    const {record, owner: {server, rollbacks, replay}} = this;
    const {doc, events, upstream, isReplaying} = record;
    const missing = error ? undefined : missingType((message as RealOp).create?.type, doc);
    if (missing) return isReplaying ? replay.noteError(missing) : this.noteMissing(missing);
    const {src, seq, v} = message as RealOp & {v?: number};
    if (!error && typeof v === 'number' && !isReplaying) server.noteOp(v);
    const isAck = this.isInFlight(src, seq);
    // An op that was sent twice may come back as an op of the server before the server refuses the second copy. Upstream would take
    // back the op that is in flight by then. If none is, only the tab of the refused op is told.
    const isStale = error && seq !== undefined && !isAck;
    if (isStale && (doc.inflightOp || seq !== rollbacks.givenUp?.seq)) return;
    if (error && isAck && events.willRetry(error, doc.inflightOp!)) return rollbacks.checkForLoss(doc.inflightOp!);
    // An op that was given up while it was under way may have been saved all the same.
    if (!error && !isAck && seq !== undefined && !isReplaying) events.onSaved({src: src ?? doc.connection.id!, seq});
    const isNext = !error && doc.version !== undefined && (isAck || v === doc.version);
    // The acknowledgement of an op that was given up meanwhile says nothing of its content. Upstream only counts it.
    const isUnknown = isNext && !isAck && !isReplaying && !isLocal(doc.collection) && hasNoContent(message as RealOp);
    record.acknowledged = isNext && isAck ? originsOf(doc.inflightOp!) : undefined;
    if (isNext && !isAck && !isReplaying) events.onServerOp(message as Step);
    record.storedElsewhere = isNext && !isAck && record.maySendBeforeWrite(message) ? 'server' : undefined;
    // Once transformed, the pending ops may no longer contain the true values that they remove.
    const pending = isNext && !isAck ? [doc.inflightOp, ...doc.pendingOps].filter(op => !!op).map(op => ({op, made: op.op})) : [];
    for (const {op} of pending) op.isInvertible = false;
    try {
      // The record comes first: consequences of the message, such as the next op being sent, have later records.
      if (isNext) record.write({t: 'message', message}, isAck || !!record.storedElsewhere);
      if (isStale) this.blamed = rollbacks.givenUp?.owner;
      try {
        this.owner.whileAnswering(() => upstream._handleOp.call(doc, error, message), !error);
      } catch (thrown) {
        if (!pending.length || !doc.type?.transform) throw thrown;
        // The type can't transform a pending op over the server's: the two exclude each other. Upstream would leave the server's out for good.
        for (const {op, made} of pending) if ('op' in op) op.op = made;
        return rollbacks.rollBackHard(notApplied(thrown));
      }
      this.owner.noteVersion();
      if (isUnknown) server.doubt();
    } finally {
      this.blamed = undefined;
      record.storedElsewhere = undefined;
      record.acknowledged = undefined;
    }
  }

  private isInFlight(src: string | undefined, seq: number | undefined): boolean {
    const {connection, inflightOp} = this.record.doc;
    // The server leaves out the source of a connection's own op, and that of a refused op.
    return !!inflightOp && seq === inflightOp.seq && (src ?? connection.id) === inflightOp.src;
  }

  /** Takes a state of the server, from an answer or from the results of a query. */
  ingestSnapshot(snapshot: ServerSnapshot, callback?: Callback): void {
    const {record, owner: {server}} = this;
    const {doc, events, upstream} = record;
    if (this.isReading) return events.defer(() => this.ingestSnapshot(snapshot, callback));
    if (snapshot && server.acceptSnapshot(snapshot, callback)) return undefined;
    if (snapshot && !doc.type && !doc.hasWritePending() && !((doc.version ?? -1) > snapshot.v)) {
      const missing = missingType(snapshot.type, doc);
      if (missing) {
        // A request is answered with `missing`. A query has other results, too: it gets no error.
        this.noteMissing(missing);
        return callback?.();
      }
      if (record.isLocked && snapshot.type) {
        record.journal!.setAside(this.missing);
        record.isLocked = false;
      }
      if (!record.isLocked) this.missing = undefined;
    }
    return upstream.ingestSnapshot.call(doc, snapshot, callback);
  }
}

const hasNoContent = ({op, create, del}: RealOp): boolean => op === undefined && !create && !del;
