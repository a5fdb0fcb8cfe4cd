import {Connection} from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {stepOf} from '../../ot/step.js';
import type {DocKey} from '../../store/storage.js';
import type {Identity, Restored} from './doc-journal.js';
import type {Origins, Step, WaitingOp} from '../../ot/history-entry.js';
import {rebase} from '../../ot/rebase.js';
import {JournaledDoc, type JournaledDocEvents} from './journaled-doc.js';
import type {ServerStep} from '../letters/ops-since.js';
import type {RealConnection} from '../upstream.js';

/** The pending ops of a stored document, each made on the one before, the first on the server's version `v`. */
export interface StoredOps {
  v: number;
  type: Type | null;
  ops: StoredStep[];
}

export interface StoredStep {
  step: Step;
  /** The op's identity at the server, if one was assigned. */
  id: Identity | undefined;
  /** The tabs' ops that the op was composed of. */
  origins: Origins;
  source: unknown;
  submitSource: boolean;
}

/** The author of the ops while they are rebased, which is no tab's id. */
const OWNER = 'stored';
/** The limit for stored ops times server ops that are rebased at once, which takes about 500 ms. */
const MAX_CARRY = 256 * 1024;

const NO_EVENTS: JournaledDocEvents = {
  isFollowed: false,
  isShared: () => false,
  onEntry() {}, onServerOp() {}, onRollback() {}, onReset() {}, onError() {}, beginSettling() {}, endSettling() {}, onJournal() {}, onLoad() {},
  onMissingType() {}, onRefused() {}, onLost() {}, onHistoryGone() {}, onSaved() {}, defer() {}, together() {}, readLater() {}, endReadingLater() {},
  willRetry: () => false,
  isTransient: () => false,
  isHeldBack: () => false
};

/**
 * Reads the pending ops of a stored document by a replay on a document without a connection.
 * @throws if the stored data can't be replayed, or the ops were given up in a rollback
 */
export function readStoredOps([c, d]: DocKey, stored: Restored): StoredOps {
  const connection = new Connection({readyState: 3, close() {}, send() {}} as never) as unknown as RealConnection;
  connection.on('error', () => {});
  const doc = connection.get(c, d);
  const journaled = new JournaledDoc(doc, NO_EVENTS);
  journaled.restore(stored, () => () => {});
  if (journaled.isRollingBack) throw new Error('The edits were given up in a rollback');
  return {
    v: doc.version ?? 0,
    type: doc.type,
    ops: doc.pendingOps.map(op => ({
      step: stepOf(op), id: identityOf(op), origins: (op.callbacks ?? []).flatMap(callback => (callback?.origin ? [callback.origin] : [])),
      source: op.source, submitSource: op.submitSource === true
    }))
  };
}

/**
 * Rebases stored ops over later ops, which come first, as on ShareDB's server.
 * @param since the server's ops from `v` on, then the document's pending ops
 * @param type the document's present type
 * @returns the rebased ops, without those that `since` contains
 * @throws Error if the ops can't be rebased to the present state
 */
export function carryStoredOps({ops, type: madeFor}: StoredOps, since: readonly ServerStep[], type: Type | null): WaitingOp[] {
  if (ops.length * since.length > MAX_CARRY) throw new Error('The document has changed too much since');
  if (type && madeFor && type !== madeFor && !ops.some(({step}) => step.create)) throw new Error('The document has another type now');
  const numbers = new Map(ops.map(({id}, i) => [id && nameOf(id), i + 1]));
  const happened = since.map(one => {
    const id = identityOf(one);
    const seq = id && numbers.get(nameOf(id));
    return {step: one.step, src: seq ? OWNER : undefined, seq};
  });
  const waiting = ops.map(({step, id, source, submitSource}, i) => ({step, id, seq: i + 1, x: {preventCompose: true as const, ...(submitSource && {source})}}));
  const carried = rebase(waiting, happened, OWNER, type);
  if (carried instanceof Error) throw carried;
  const [first] = carried;
  if (first && !!first.step.create === !!type) throw new Error(type ? 'Another client has created the document' : 'The document no longer exists');
  return carried;
}

function identityOf({src, seq}: Partial<Pick<ServerStep, 'src' | 'seq'>>): Identity | undefined {
  return src === undefined || seq === undefined ? undefined : [src, seq];
}

const nameOf = (id: Identity): string => JSON.stringify(id);
