import {appliedTo} from '../../ot/applied.js';
import {isInvertible} from '../../ot/invert.js';
import type {Step} from '../../ot/history-entry.js';
import {corrected, type Json0Component} from '../../ot/json0-values.js';
import type {ServerLog} from './server-log.js';
import type {RealDoc, RealOp, ServerSnapshot} from '../upstream.js';
import {withoutInflightOp, type Remedy} from './without-op.js';

const SERVER_IS_BEHIND = 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT';

export interface SoftRollbackOptions {
  /** Returns whether other tabs than the op's could lose ops by upstream's rollback. */
  isShared(owner: string | undefined): boolean;
  serverLog(): ServerLog;
  /** Requests the server's snapshot, and repeats the request after temporary errors. */
  fetchSnapshot(callback: (error?: Error | null, snapshot?: ServerSnapshot) => void): void;
  /** Performs upstream's rollback. The op may have a computed inverse. */
  takeBack(error: Error): void;
  /** Replaces the document's data, because no op leads to the data without the refused op. */
  replace(error: Error, remedy: Exclude<Remedy, {inverse: unknown}>): void;
}

/**
 * Takes back a refused op. Upstream takes back only the op if its type has `invert`, and otherwise discards all pending ops. But `invert`
 * relies on the removed data that the op contains, which nothing has checked, and discarding all pending ops would lose valid ops of
 * other tabs. So unless the op is known to contain the correct data, the server's snapshot is requested, and the document becomes that
 * snapshot with the other pending ops applied.
 */
export function rollBackSoftly(doc: RealDoc, error: Error, options: SoftRollbackOptions): void {
  // The server has lost ops that this document contains, so taking back the refused op is not enough.
  if ((error as {code?: string}).code === SERVER_IS_BEHIND) return doc._hardRollback(error);
  const refused = doc.inflightOp;
  const isOp = !!refused && 'op' in refused && !!refused.type;
  if (!isOp || doc.version === null || refused.isInvertible) return options.takeBack(error);
  // Upstream's hard rollback loses no op of another tab here.
  if (!canInvert(refused) && !options.isShared(refused.owner)) return options.takeBack(error);
  askServer(doc, refused, options, remedy => {
    if (!remedy) return doc._hardRollback(error);
    if (!('inverse' in remedy)) return options.replace(error, remedy);
    giveInverse(refused, remedy.inverse);
    return options.takeBack(error);
  });
}

function canInvert({type, op}: RealOp): boolean {
  try {
    return !!type!.invert && !!type!.invert(op);
  } catch {
    return false;
  }
}

function askServer(doc: RealDoc, refused: RealOp, options: SoftRollbackOptions, callback: (remedy: Remedy | undefined) => void): void {
  // The log is created before the request, because ops that arrive meanwhile have to be applied to the snapshot.
  const log = options.serverLog();
  const {retries} = refused;
  // The latest snapshot is requested. For an earlier version, the server would have to apply all ops from the first one on.
  options.fetchSnapshot((error, snapshot) => {
    // An op that was sent again after a reconnect is answered again: the server refuses it again, or accepts it.
    const isOver = (): boolean => doc.inflightOp !== refused || refused.retries !== retries;
    if (isOver()) return;
    if (error || !snapshot) return callback(undefined);
    const decide = (): void => { if (!isOver()) callback(remedyOf(doc, snapshot, log)); };
    if (snapshot.v <= doc.version!) return decide();
    // The snapshot has arrived before the ops that lead to it.
    doc.fetch(decide);
  });
}

function remedyOf(doc: RealDoc, snapshot: ServerSnapshot, log: ServerLog): Remedy | undefined {
  const {type} = doc.inflightOp!;
  if (!type || (snapshot.type !== type.uri && snapshot.type !== type.name)) return undefined;
  const since = snapshot.v > doc.version! ? undefined : log.since(snapshot.v);
  if (!since?.every(op => 'op' in op)) return undefined;
  try {
    const data = type.deserialize ? type.deserialize(snapshot.data) : snapshot.data;
    const base = appliedTo(data, type, since);
    return withoutInflightOp(doc, type.serialize ? type.serialize(base) : base);
  } catch {
    return undefined;
  }
}

/** Sets `isInvertible` of an op that is about to be applied: whether its type's `invert` returns a correct inverse. */
export function noteInvertible(op: RealOp, {type, data}: RealDoc): void {
  op.isInvertible = 'op' in op && !!type && isInvertible(type, op.op, data);
}

/** Returns a step whose json0 op contains the data that it really removes, which the type needs to transform and invert it. */
export function correctedStep(step: Step, {type, data}: RealDoc): Step {
  if (type?.name !== 'json0' || !Array.isArray(step.op)) return step;
  try {
    const op = corrected(step.op as Json0Component[], data);
    return op === step.op ? step : {...step, op};
  } catch {
    // An op that can't be corrected can't be applied either, and is refused later.
    return step;
  }
}

/** Gives an op a type of its own, whose `invert` returns the computed inverse. */
export function giveInverse(op: RealOp, inverse: unknown): void {
  op.inverse = inverse;
  op.type = Object.create(op.type!, {invert: {value: () => inverse}}) as NonNullable<RealOp['type']>;
}
