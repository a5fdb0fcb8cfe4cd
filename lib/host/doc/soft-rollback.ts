import {appliedTo} from '../../ot/applied.js';
import {isInvertible} from '../../ot/invert.js';
import type {Step} from '../../ot/history-entry.js';
import {corrected, type Json0Component} from '../../ot/json0-values.js';
import type {ServerLog} from './server-log.js';
import type {RealDoc, RealOp, ServerSnapshot} from '../upstream.js';
import {withoutInflightOp, type Remedy} from './without-op.js';

const SERVER_IS_BEHIND = 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT';

export interface SoftRollbackOptions {
  /** Whether others than the op's tab would lose by upstream's way. */
  isShared(owner: string | undefined): boolean;
  serverLog(): ServerLog;
  /** Asks for the server's state until it can answer. */
  fetchSnapshot(callback: (error?: Error | null, snapshot?: ServerSnapshot) => void): void;
  /** Upstream's way, for which the op may know its inverse by then. */
  takeBack(error: Error): void;
  /** The document becomes what no op leads to. */
  replace(error: Error, remedy: Exclude<Remedy, {inverse: unknown}>): void;
}

/**
 * Upstream takes back a refused op alone where its type has `invert`, and otherwise discards all pending ops. `invert` believes
 * what the op says of the data that it removed, which nobody has checked; and to discard all would cost other tabs ops that did
 * nothing wrong. So unless the op is known to say the truth, the server is asked for its state, and the document becomes that
 * state with the pending ops on it.
 */
export function rollBackSoftly(doc: RealDoc, error: Error, options: SoftRollbackOptions): void {
  // The server has lost what this document shows: there is nothing to take back from it.
  if ((error as {code?: string}).code === SERVER_IS_BEHIND) return doc._hardRollback(error);
  const refused = doc.inflightOp;
  const isOp = !!refused && 'op' in refused && !!refused.type;
  if (!isOp || doc.version === null || refused.isInvertible) return options.takeBack(error);
  // Upstream's rollback, which leaves the server's state, costs no other tab anything here.
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
  // Ops that arrive while the state is requested have to be applied to it.
  const log = options.serverLog();
  const {retries} = refused;
  // For an older version, the server would have to apply all ops from the first one on.
  options.fetchSnapshot((error, snapshot) => {
    // Sent again after a reconnect, it is refused once more, and this begins anew; or the server takes it this time.
    const isOver = (): boolean => doc.inflightOp !== refused || refused.retries !== retries;
    if (isOver()) return;
    if (error || !snapshot) return callback(undefined);
    const decide = (): void => { if (!isOver()) callback(remedyOf(doc, snapshot, log)); };
    if (snapshot.v <= doc.version!) return decide();
    // The snapshot has overtaken what led to it.
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

/** Notes on an op that is about to be applied whether its type can invert it. */
export function noteInvertible(op: RealOp, {type, data}: RealDoc): void {
  op.isInvertible = 'op' in op && !!type && isInvertible(type, op.op, data);
}

/** A step that says the truth of what it removes, as far as its type needs that to transform it. */
export function correctedStep(step: Step, {type, data}: RealDoc): Step {
  if (type?.name !== 'json0' || !Array.isArray(step.op)) return step;
  try {
    const op = corrected(step.op as Json0Component[], data);
    return op === step.op ? step : {...step, op};
  } catch {
    // It can't be applied either.
    return step;
  }
}

/** From now on the op's type is one that knows the inverse of this one op. */
export function giveInverse(op: RealOp, inverse: unknown): void {
  op.inverse = inverse;
  op.type = Object.create(op.type!, {invert: {value: () => inverse}}) as NonNullable<RealOp['type']>;
}
