import {types} from 'sharedb/lib/client/index.js';
import {fastType} from '../../ot/fast-json0.js';
import type {Origins} from '../../ot/history-entry.js';
import {stepOf} from '../../ot/step.js';
import type {UndoMark} from '../../protocol/undo.js';
import type {Callback, RealOp} from '../upstream.js';
import type {StoredOp} from './doc-journal.js';

/** Returns the callback for a restored op of a tab. */
export type SettleOf = (owner: string, seq: number) => Callback;

/** Returns the tabs' ops that an op was composed of. */
export function originsOf({callbacks = []}: RealOp): Origins {
  return callbacks.flatMap(callback => (callback?.origin ? [callback.origin] : []));
}

export function callEach(op: RealOp | null, error: Error | undefined): void {
  for (const callback of op?.callbacks ?? []) callback?.(error);
}

/** Returns the step of an op as JSON. The op is not copied before, because an OT type may use objects with a method `toJSON`. */
export function stepJson(op: RealOp, undo: UndoMark | undefined, takesBack?: Origins): string {
  if ('op' in op) return JSON.stringify({op: op.op, undo, replaces: op.replaces, takesBack});
  if (op.create) return JSON.stringify({create: op.create});
  return op.del ? '{"del":true}' : '{}';
}

/** Converts a pending op to the form of a checkpoint. */
export function storedOp(op: RealOp): StoredOp {
  const {src, seq, source, owner, submitSource, type, isSent} = op;
  return {
    ...stepOf(op),
    ...(src !== undefined && {src}), ...(seq !== undefined && {seq}),
    ...(owner !== undefined && {owner}), ...(submitSource && {submitSource}),
    source,
    type: type?.uri ?? type?.name ?? null,
    sent: isSent === true,
    origins: originsOf(op).map(([owner, seq]) => [owner, seq])
  };
}

/** Converts an op of a checkpoint to a pending op. */
export function restoredOp({type, sent, origins, ...op}: StoredOp, settleOf: SettleOf): RealOp {
  const callbacks = origins.map(([owner, seq]) => Object.assign(settleOf(owner, seq), {origin: [owner, seq] as const}));
  return {
    ...op, submitSource: op.submitSource === true, type: type === null ? null : fastType(types.map[type]) ?? null,
    ...(sent && {sentAt: 1, isSent: true}), callbacks
  };
}

/** Returns the error for a refused op, and the error for the ops that are given up with it. */
export function rejectionErrors(error: Error): {error: Error | undefined; reason: Error} {
  if ((error as {code?: string}).code !== 'ERR_OP_SUBMIT_REJECTED') return {error, reason: error};
  // With this code, the server asks the client to roll back without an error for the op itself (share/sharedb#626).
  const reason = new Error('Discarding pending op because of hard rollback during ERR_OP_SUBMIT_REJECTED');
  return {error: undefined, reason: Object.assign(reason, {code: 'ERR_PENDING_OP_REMOVED_BY_OP_SUBMIT_REJECTED'})};
}
