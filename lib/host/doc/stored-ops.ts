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

/** The pending ops of a stored document, each made on the one before, the first on the server's state at `v`. */
export interface StoredOps {
  v: number;
  type: Type | null;
  ops: StoredStep[];
}

interface StoredStep {
  step: Step;
  /** How the server knows it, if it was sent or was about to be. */
  id: Identity | undefined;
  /** The tabs' ops that it was composed of. */
  origins: Origins;
  source: unknown;
  submitSource: boolean;
}

/** Whose the ops are while they are carried: nobody's who is here. */
const OWNER = 'stored';
/** The limit for ops times server ops that are rebased at once. It takes about half a second. */
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
 * Replays what is stored on a document that is connected to nothing.
 * @throws where it does not lead anywhere
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
 * Carries stored ops over what happened since: as ShareDB's server does it, for which what happened came first.
 * @param since the server's ops from `v` on, and then the ops that wait for the server here
 * @param type of the document now
 * @returns the ops that are neither at the server nor here
 * @throws where the ops do not lead to the present state
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
