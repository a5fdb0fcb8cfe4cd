import {types} from 'sharedb/lib/client/index.js';
import {fastType} from '../../ot/fast-json0.js';
import type {Origins} from '../../ot/history-entry.js';
import {stepOf} from '../../ot/step.js';
import type {UndoMark} from '../../protocol/undo.js';
import type {Callback, RealOp} from '../upstream.js';
import type {StoredOp} from './doc-journal.js';

/** Makes the callback for an op of a tab that is restored. */
export type SettleOf = (owner: string, seq: number) => Callback;

/** The tabs' ops that an op was composed of. */
export function originsOf({callbacks = []}: RealOp): Origins {
  return callbacks.flatMap(callback => (callback?.origin ? [callback.origin] : []));
}

export function callEach(op: RealOp | null, error: Error | undefined): void {
  for (const callback of op?.callbacks ?? []) callback?.(error);
}

/** The step of an op as JSON. It is not copied first: types with a `toJSON` of their own rely on that. */
export function stepJson(op: RealOp, undo: UndoMark | undefined, takesBack?: Origins): string {
  if ('op' in op) return JSON.stringify({op: op.op, undo, replaces: op.replaces, takesBack});
  if (op.create) return JSON.stringify({create: op.create});
  return op.del ? '{"del":true}' : '{}';
}

/** A pending op in the form of a checkpoint. */
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

/** The op of a checkpoint, to be sent again. */
export function restoredOp({type, sent, origins, ...op}: StoredOp, settleOf: SettleOf): RealOp {
  const callbacks = origins.map(([owner, seq]) => Object.assign(settleOf(owner, seq), {origin: [owner, seq] as const}));
  return {
    ...op, submitSource: op.submitSource === true, type: type === null ? null : fastType(types.map[type]) ?? null,
    ...(sent && {sentAt: 1, isSent: true}), callbacks
  };
}

/** The errors for a refused op, and for the ops that are given up with it. */
export function rejectionErrors(error: Error): {error: Error | undefined; reason: Error} {
  if ((error as {code?: string}).code !== 'ERR_OP_SUBMIT_REJECTED') return {error, reason: error};
  // The server rejected it on purpose: there is no error for the op itself (share/sharedb#626).
  const reason = new Error('Discarding pending op because of hard rollback during ERR_OP_SUBMIT_REJECTED');
  return {error: undefined, reason: Object.assign(reason, {code: 'ERR_PENDING_OP_REMOVED_BY_OP_SUBMIT_REJECTED'})};
}
