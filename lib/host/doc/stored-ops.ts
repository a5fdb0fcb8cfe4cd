import {Connection} from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {stepOf} from '../../ot/step.js';
import type {DocKey} from '../../store/storage.js';
import type {Identity, Restored} from './doc-journal.js';
import type {Origins, Step, WaitingOp} from '../../ot/history-entry.js';
import {identityName, rebase} from '../../ot/rebase.js';
import {JournaledDoc, type JournaledDocEvents} from './journaled-doc.js';
import {originsOf} from './real-ops.js';
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

/** A later op of the document, and the tabs' ops that it contains. */
export interface LaterOp extends ServerStep {
  origins: Origins;
}

/** The author of the ops while they are rebased, which is no tab's id. */
const OWNER = 'stored';
/** The limit for stored ops times server ops that are rebased at once, which takes about 500 ms. */
const MAX_REBASED = 256 * 1024;

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
      step: stepOf(op), id: identityOf(op), origins: originsOf(op),
      source: op.source, submitSource: op.submitSource === true
    }))
  };
}

/**
 * Rebases stored ops over later ops, which come first, as on ShareDB's server. Later ops may be the same ops: with the identity of a stored op,
 * or because a tab has sent an op again. Such an op is dropped where it is, and the stored ops before it are rebased over it.
 * @param since the server's ops from `v` on, then the document's pending ops
 * @param type the document's present type
 * @returns the rebased ops, without those that `since` contains
 * @throws Error if the ops can't be rebased to the present state
 */
export function rebaseStoredOps({ops, type: madeFor}: StoredOps, since: readonly LaterOp[], type: Type | null): WaitingOp[] {
  if (ops.length * since.length > MAX_REBASED) throw new Error('The document has changed too much since');
  if (type && madeFor && type !== madeFor && !ops.some(({step}) => step.create)) throw new Error('The document has another type now');
  const left = new Map(ops.map((op, i) => [i + 1, new Set(op.origins.map(identityName))]));
  let waiting = ops.map(({step, id, source, submitSource}, i): WaitingOp => (
    {step, id, seq: i + 1, x: {preventCompose: true, ...(submitSource && {source})}}
  ));
  const rebased = (some: WaitingOp[], over: readonly LaterOp[]): WaitingOp[] => {
    const result = over.length ? rebase(some, over.map(({step}) => ({step, src: undefined, seq: undefined})), OWNER, type) : some;
    if (result instanceof Error) throw result;
    return result;
  };
  let others: LaterOp[] = [];
  for (const later of since) {
    const id = identityOf(later);
    const isSent = (op: WaitingOp): boolean => !!id && !!op.id && identityName(op.id) === identityName(id);
    const names = new Set(later.origins.map(identityName));
    const isSame = (op: WaitingOp): boolean => [...left.get(op.seq)!].some(name => names.has(name));
    const at = waiting.findIndex(op => isSent(op) || isSame(op));
    if (at < 0) {
      others.push(later);
      continue;
    }
    waiting = rebased(waiting, others);
    others = [];
    // The server has answered the ops before it.
    if (isSent(waiting[at]!)) {
      waiting = waiting.slice(at + 1);
      continue;
    }
    let end = at;
    for (; end < waiting.length && isSame(waiting[end]!); end++) {
      for (const name of names) left.get(waiting[end]!.seq)!.delete(name);
    }
    if (waiting.slice(end).some(isSame)) throw new Error('A tab has sent several of them again as one');
    const rest = waiting.slice(at).filter(({seq}, i) => i >= end - at || left.get(seq)!.size);
    waiting = [...rebased(waiting.slice(0, at), [later]), ...rest];
  }
  waiting = rebased(waiting, others);
  const [first] = waiting;
  if (first && !!first.step.create === !!type) throw new Error(type ? 'Another client has created the document' : 'The document no longer exists');
  return waiting;
}

function identityOf({src, seq}: Partial<Pick<ServerStep, 'src' | 'seq'>>): Identity | undefined {
  return src === undefined || seq === undefined ? undefined : [src, seq];
}
