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
  /** Runs an action in which upstream may call `_clearInflightOp`. @param isAnswer whether the message has a record of its own */
  whileAnswering(act: () => void, isAnswer: boolean): void;
  noteVersion(): void;
}

/** Handles the server's messages for a document: ops, acknowledgements, refusals and snapshots. */
export class ServerMessages {
  /** The error if the document has an OT type that this host lacks. The document is treated as if it did not exist. */
  missing: Error | undefined;
  /** The tab whose op has caused an error, while the error is emitted. */
  causedBy: string | undefined;
  /** Whether the journal is being read. Meanwhile snapshots of queries wait, and ops are dropped and requested again afterwards. */
  private isReading = false;
  private hasMissed = false;

  constructor(private readonly record: DocRecord, private readonly owner: ServerMessagesOwner) {}

  beginReading(): void {
    this.isReading = true;
  }

  /** @returns whether ops were dropped meanwhile */
  endReading(): boolean {
    this.isReading = false;
    return this.hasMissed;
  }

  /**
   * Protects the stored data if they can't be used because this host lacks their OT type. A host with the type can use them later.
   * @returns whether a missing type is the reason
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

  /** Handles an op, an acknowledgement or a refusal of the server, and writes it to the journal. */
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
    // The server may acknowledge an op that was sent twice, and then refuse the second copy. Upstream would take back the op that is in
    // flight by then. If none is in flight, the error is sent only to the tab of the refused op.
    const isStale = error && seq !== undefined && !isAck;
    if (isStale && (doc.inflightOp || seq !== rollbacks.givenUp?.seq)) return;
    if (error && isAck && events.willRetry(error, doc.inflightOp!)) return rollbacks.checkForLoss(doc.inflightOp!);
    // An op that was given up while it was in flight may have been saved.
    if (!error && !isAck && seq !== undefined && !isReplaying) events.onSaved({src: src ?? doc.connection.id!, seq});
    const isNext = !error && doc.version !== undefined && (isAck || v === doc.version);
    // The acknowledgement of an op that was given up does not contain the op. Upstream only increases the version.
    const isUnknown = isNext && !isAck && !isReplaying && !isLocal(doc.collection) && hasNoContent(message as RealOp);
    record.acknowledged = isNext && isAck ? originsOf(doc.inflightOp!) : undefined;
    if (isNext && !isAck && !isReplaying) events.onServerOp(message as Step);
    record.storedElsewhere = isNext && !isAck && record.maySendBeforeWrite(message) ? 'server' : undefined;
    // After a transformation, the pending ops may no longer contain the values that they remove.
    const pending = isNext && !isAck ? [doc.inflightOp, ...doc.pendingOps].filter(op => !!op).map(op => ({op, made: op.op})) : [];
    for (const {op} of pending) op.isInvertible = false;
    try {
      // The message is recorded first, because its consequences, such as sending the next op, may write records, too.
      if (isNext) record.write({t: 'message', message}, isAck || !!record.storedElsewhere);
      if (isStale) this.causedBy = rollbacks.givenUp?.owner;
      try {
        this.owner.whileAnswering(() => upstream._handleOp.call(doc, error, message), !error);
      } catch (thrown) {
        if (!pending.length || !doc.type?.transform) throw thrown;
        // The type can't transform a pending op over the server's: the two exclude each other. Upstream would never apply the server's op.
        for (const {op, made} of pending) if ('op' in op) op.op = made;
        return rollbacks.rollBackHard(notApplied(thrown));
      }
      this.owner.noteVersion();
      if (isUnknown) server.noteUnknownOp();
    } finally {
      this.causedBy = undefined;
      record.storedElsewhere = undefined;
      record.acknowledged = undefined;
    }
  }

  private isInFlight(src: string | undefined, seq: number | undefined): boolean {
    const {connection, inflightOp} = this.record.doc;
    // The server may leave out `src` in an acknowledgement to the connection itself, and in a refusal.
    return !!inflightOp && seq === inflightOp.seq && (src ?? connection.id) === inflightOp.src;
  }

  /** Ingests a state of the server, from an answer or from the results of a query. */
  ingestSnapshot(snapshot: ServerSnapshot, callback?: Callback): void {
    const {record, owner: {server}} = this;
    const {doc, events, upstream} = record;
    if (this.isReading) return events.defer(() => this.ingestSnapshot(snapshot, callback));
    if (snapshot && server.acceptSnapshot(snapshot, callback)) return undefined;
    if (snapshot && !doc.type && !doc.hasWritePending() && !((doc.version ?? -1) > snapshot.v)) {
      const missing = missingType(snapshot.type, doc);
      if (missing) {
        // Requests of tabs are answered with `missing`. A query gets no error, because it also has other results.
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
