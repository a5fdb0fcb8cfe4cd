import {invertOn} from './invert.js';
import type {ServerLog} from './server-log.js';
import type {RealDoc, RealOp} from './upstream.js';

const SERVER_IS_BEHIND = 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT';

export interface SoftRollbackOptions {
  /** Whether others than the op's tab would lose by upstream's way. */
  isShared(owner: string | undefined): boolean;
  serverLog(): ServerLog;
  /** Upstream's way, for which the op may know its inverse by then. */
  takeBack(error: Error): void;
}

/**
 * Upstream takes back a rejected op alone where its type can invert an op by itself, and otherwise
 * discards all pending ops. With many tabs behind one document that would cost tabs their ops that did
 * nothing wrong. Here the server is asked for the snapshot that the rejected op was made on, which is
 * the one round trip that upstream's way costs too, and the op is inverted against that.
 */
export function rollBackSoftly(doc: RealDoc, error: Error, {isShared, serverLog, takeBack}: SoftRollbackOptions): void {
  // The server has lost what this document shows: there is nothing to take back from it.
  if ((error as {code?: string}).code === SERVER_IS_BEHIND) return doc._hardRollback(error);
  const rejected = doc.inflightOp;
  const {version} = doc;
  const needsBase = !!rejected && 'op' in rejected && !!rejected.type && !rejected.type.invert;
  if (!needsBase || version === null || !isShared(rejected.owner)) return takeBack(error);
  // What comes while the snapshot is under way has to be carried over to it.
  const log = serverLog();
  doc.connection.fetchSnapshot(doc.collection, doc.id, version, (fetchError, snapshot) => {
    // Sent again after a reconnect: it will be rejected, and this begin, once more.
    if (doc.inflightOp !== rejected) return;
    const inverse = fetchError ? undefined : inverseOf(doc, rejected, snapshot, log);
    if (inverse !== undefined) giveInverse(rejected, inverse);
    takeBack(error);
  });
}

function inverseOf(doc: RealDoc, rejected: RealOp, snapshot: {v: number; data: unknown}, log: ServerLog): unknown {
  const type = rejected.type!;
  const since = log.since(snapshot.v);
  if (!since?.every(op => 'op' in op)) return undefined;
  try {
    let base = type.deserialize ? type.deserialize(snapshot.data) : snapshot.data;
    for (const {op} of since) base = type.apply(base, op);
    return invertOn(type, rejected.op, base);
  } catch {
    // A type that can't: upstream's way is left.
    return undefined;
  }
}

/** From now on the op's type is one that knows the inverse of this one op. */
export function giveInverse(op: RealOp, inverse: unknown): void {
  op.inverse = inverse;
  op.type = Object.create(op.type!, {invert: {value: () => inverse}}) as NonNullable<RealOp['type']>;
}
