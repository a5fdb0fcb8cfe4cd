import {isScope} from './debug.js';
import type {ErrorData} from './errors.js';

/**
 * The words of tabs and hosts. ShareDB's own letters keep their meaning; where ShareDB sends a
 * document's version with a request, a tab sends a {@link Position}. Dotted names are ours.
 */

/** Where a tab stands in the host's history of a document. */
export interface Position {
  /** Counts how often the tab has started on the document from nothing, over all its documents. */
  inc: number;
  /** The revision that the tab has, null when it has nothing of the host's history. */
  rev: number | null;
  /** This is not the first start: the tab had a state, and discarded it. */
  again?: true;
  /** A state that the tab got from elsewhere (`doc.ingestSnapshot`), which the host may start from. */
  seed?: SnapshotData;
  /** The stored state will do, if there is one: the app does not want to wait for the server. */
  stored?: true;
}

/** A snapshot as it travels. `data` is in the serialized form of types that have one. */
export interface SnapshotData {
  v: number | null;
  type: string | null;
  data?: unknown;
  /** Left out where the snapshot does not come from the host's history. */
  rev?: number;
  /** Of results: the incarnation that they are for. */
  inc?: number;
}

/** An op of a tab on its way to the host: ShareDB's, plus where it was made and how to submit it. */
export interface OpRequest {
  a: 'op';
  c: string;
  d: string;
  v: Position;
  src: string;
  seq: number;
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  x: {
    /** Present where the app set `doc.submitSource`. */
    source?: unknown;
    preventCompose?: true;
  };
}

/** One step of a document's history, as a tab gets it. */
export interface EntryMessage {
  a: 'op';
  c: string;
  d: string;
  inc: number;
  rev: number;
  /** The server's version after this entry. */
  v: number | null;
  src?: string;
  seq?: number;
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  /** The host's document was loaded with this, where it had no type before. */
  load?: SnapshotData;
  /** The tab's own op has its place in the history. The op itself is left out: the tab has it. */
  own?: true;
}

/** The server has answered to ops of the tab, which it got as one, and which have their place in the history. */
export interface SettledMessage {
  a: 'doc.settled';
  c: string;
  d: string;
  seqs: number[];
  error?: ErrorData;
  /** Rejected on purpose (ERR_OP_SUBMIT_REJECTED): upstream calls back with null then. */
  silent?: true;
}

/** The host lost its state of a document, and the ops that had not been acknowledged. */
export interface RollbackMessage {
  a: 'doc.rollback';
  c: string;
  d: string;
  inc: number;
}

/** The host has nothing of a document that the tab had from an earlier one. */
export interface LostMessage {
  a: 'doc.lost';
  c: string;
  d: string;
  inc: number;
}

/** The host's document is back after a `doc.rollback`. */
export interface ResetMessage {
  a: 'doc.reset';
  c: string;
  d: string;
  inc: number;
  /** Missing where it could not be loaded; `loadError` says why. */
  snapshot?: SnapshotData;
  loadError?: ErrorData;
  /** The outcome of each op of the tab that had its place in the lost history. */
  outcomes: {seq: number; error?: ErrorData}[];
  /** The tab's ops that the snapshot has, and that wait for the server. */
  unsettled?: number[];
  /** The error for the tab's ops that had none yet. */
  error: ErrorData;
}

/** The host's connection to the server, as its `connection.state` has it. */
export interface ConnectionStateMessage {
  a: 'connection.state';
  state: string;
  reason?: string;
}

/** An event of the host's connection that the tabs emit too. */
export interface ConnectionEventMessage {
  a: 'connection.event';
  event: 'error' | 'connection error';
  error: ErrorData;
}

/** What every tab shows as `connection.status`. */
export interface HostStatus {
  tabs: number;
  pendingOps: number;
  pendingDocs: number;
  /** Whether edits that the server has not got survive the end of all tabs. */
  durable: boolean;
  /** Why they do not, where the storage failed. */
  storeError?: ErrorData;
  /** Bytes that this origin has stored and may store, as the browser estimates them; where it does. */
  storage?: {usage?: number; quota?: number} | undefined;
  /** Changes that wait to be written to the storage. */
  pendingWrites: number;
  /** Ops that the server rejected for good, and that the app has not dealt with. */
  deadLetters: number;
}

export interface StatusMessage {
  a: 'host.status';
  status: HostStatus;
}

/** The tab has destroyed its document and wants to hear no more of it. */
export interface ForgetMessage {
  a: 'doc.forget';
  c: string;
  d: string;
}

/** What a tab knows of a document when it greets a host that it had before. */
export interface ResumeMessage {
  a: 'tab.resume';
  docs: {c: string; d: string; inc: number; rev: number | null; unsettled: number[]}[];
}

/** An op that the server rejected for good, or that could not be carried over. */
export interface DeadLetter {
  id: string;
  collection: string;
  doc: string;
  /** What was to be done: one of ShareDB's `op`, `create`, `del`. */
  step: {op?: unknown; create?: {type: string; data: unknown}; del?: true};
  /** The OT type of the document when the op was made. */
  type: string | null;
  error: ErrorData;
  /** When it was given up, in ms since the epoch. */
  time: number;
}

/** An op of a living tab that no host can carry on, for the dead letters. The tab mints the id: it may be told twice. */
export type LostOp = Omit<DeadLetter, 'time'>;

/** A tab tells of no more lost ops at once. */
export const MAX_LOST_OPS = 200;

/** What a tab had not handed to its host when it died: per document, ops each made on the one before. */
export interface LastWord {
  tabId: string;
  /** Whose history the revisions are of. */
  lineage: string;
  docs: {c: string; d: string; rev: number | null; ops: {seq: number; step: DeadLetter['step']; x: OpRequest['x']}[]}[];
}

/** Names that would reach Object.prototype; the same that ShareDB's agent refuses. */
export function isInvalidName(name: unknown): boolean {
  return typeof name !== 'string' || name in Object.prototype;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

export function isPosition(value: unknown): value is Position {
  if (!value || typeof value !== 'object') return false;
  const {inc, rev, seed} = value as Position;
  return isCount(inc) && (rev === null || isCount(rev)) &&
    (seed === undefined || (!!seed && typeof seed === 'object' && (seed.v === null || isCount(seed.v))));
}

type Fields = Record<string, unknown>;

const CHECKS: Record<string, (message: Fields) => string | undefined> = {
  f: checkDocRequest,
  s: checkDocRequest,
  u: checkDocRequest,
  bf: checkBulkRequest,
  bs: checkBulkRequest,
  bu: checkBulkRequest,
  op: checkOpRequest,
  qf: checkQuery,
  qs: checkQuery,
  qu: checkQuery,
  nf: checkSnapshotRequest,
  nt: checkSnapshotRequest,
  p: checkPresence,
  ps: checkPresenceChannel,
  pu: checkPresenceChannel,
  pr: checkPresenceChannel,
  pp: () => undefined,
  'doc.forget': message => (isInvalidName(message['c']) || isInvalidName(message['d']) ? 'Invalid id' : undefined),
  'tab.resume': checkResume,
  'tab.debug': ({scopes}) => (Array.isArray(scopes) ? undefined : 'Invalid scopes'),
  'tab.visible': ({visible}) => (typeof visible === 'boolean' ? undefined : 'Invalid visibility'),
  'tab.lastWord': message => (isLastWord(message['word']) ? undefined : 'Invalid last word')
};

/** What is wrong with a tab's message, in ShareDB's words; undefined where nothing is. */
export function checkRequest(message: Fields): string | undefined {
  const action = message['a'] as string;
  const check = Object.hasOwn(CHECKS, action) ? CHECKS[action] : undefined;
  return check ? check(message) : 'Invalid or unknown message';
}

export function isLastWord(value: unknown): value is LastWord {
  const word = value as LastWord | null;
  return isObject(word) && typeof word!.tabId === 'string' && typeof word!.lineage === 'string' && Array.isArray(word!.docs) &&
    word!.docs.every(doc => isObject(doc) && isNamed(doc.c, doc.d) && (doc.rev === null || isCount(doc.rev)) &&
      Array.isArray(doc.ops) && doc.ops.every(op => isObject(op) && isCount(op.seq) && isObject(op.step) && isObject(op.x)));
}

export function isLostOps(value: unknown): value is LostOp[] {
  return Array.isArray(value) && value.length <= MAX_LOST_OPS && (value as LostOp[]).every(lost =>
    isObject(lost) && typeof lost.id === 'string' && isNamed(lost.collection, lost.doc) && isObject(lost.step) &&
    (lost.type === null || typeof lost.type === 'string') && isError(lost.error));
}

/** Whether ShareDB's client knows the action as a request of its own, and an error as the answer to it. */
export function isRequest(action: string): boolean {
  return Object.hasOwn(CHECKS, action) && !action.includes('.');
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isError = (value: unknown): boolean => isObject(value) && typeof (value as ErrorData).message === 'string';

const EVENT_CHECKS: Record<string, (message: Fields) => boolean> = {
  'doc.settled': ({c, d, seqs, error}) => isNamed(c, d) && Array.isArray(seqs) && seqs.every(isCount) && (error === undefined || isError(error)),
  'doc.rollback': ({c, d, inc}) => isNamed(c, d) && isCount(inc),
  'doc.reset': ({c, d, inc, outcomes, unsettled, error, snapshot, loadError}) => isNamed(c, d) && isCount(inc) && isError(error) &&
    (unsettled === undefined || (Array.isArray(unsettled) && unsettled.every(isCount))) &&
    Array.isArray(outcomes) && outcomes.every(outcome => isObject(outcome) && isCount((outcome as {seq: unknown}).seq)) &&
    (isError(loadError) || (isObject(snapshot) && isCount((snapshot as SnapshotData).rev))),
  'doc.lost': ({c, d, inc}) => isNamed(c, d) && isCount(inc),
  'doc.planted': ({c, d, inc, rev}) => isNamed(c, d) && isCount(inc) && isCount(rev),
  'doc.error': ({c, d, error}) => isNamed(c, d) && isError(error),
  'connection.state': ({state}) => typeof state === 'string' && STATES.has(state),
  'connection.event': ({event, error}) => (event === 'error' || event === 'connection error') && isError(error),
  'host.status': ({status}) => isObject(status),
  'host.cleared': () => true,
  'host.log': ({level, scope, text}) => (level === 'debug' || level === 'warn' || level === 'error') && isScope(scope) && typeof text === 'string',
  'host.deadletter': ({letter}) => isObject(letter),
  'mirror.wanted': () => true,
  'store.inventory': ({known}) => isObject(known)
};

const STATES = new Set(['connecting', 'connected', 'disconnected', 'closed', 'stopped']);

const isNamed = (c: unknown, d: unknown): boolean => !isInvalidName(c) && !isInvalidName(d);

/** Whether a message of the host has the form of what it says that it is. ShareDB's own letters upstream checks. */
export function isEvent(message: Fields): boolean {
  const action = message['a'] as string;
  if (!action.includes('.')) return true;
  return Object.hasOwn(EVENT_CHECKS, action) && EVENT_CHECKS[action]!(message);
}

function checkName(message: Fields): string | undefined {
  if (isInvalidName(message['c'])) return 'Invalid collection';
  if (isInvalidName(message['d'])) return 'Invalid id';
  return undefined;
}

function checkDocRequest(message: Fields): string | undefined {
  return checkName(message) ?? (isPosition(message['v']) ? undefined : 'Invalid version');
}

function checkBulkRequest(message: Fields): string | undefined {
  if (isInvalidName(message['c'])) return 'Invalid collection';
  const docs = message['b'];
  if (!docs || typeof docs !== 'object' || Array.isArray(docs)) return 'Invalid bulk subscribe data';
  for (const [id, position] of Object.entries(docs)) {
    if (isInvalidName(id)) return 'Invalid id';
    if (!isPosition(position)) return 'Invalid version';
  }
  return undefined;
}

function checkOpRequest(message: Fields): string | undefined {
  const nameError = checkName(message);
  if (nameError) return nameError;
  if (!isPosition(message['v']) && message['v'] != null && !isCount(message['v'])) return 'Invalid version';
  if (message['src'] == null) message['src'] = '';
  if (typeof message['src'] !== 'string' || !isCount(message['seq'])) return 'Both src and seq must be set together';
  if (!message['x'] || typeof message['x'] !== 'object') return 'Missing op options';
  const create = message['create'] as Fields | undefined;
  if (create !== undefined) {
    return create && typeof create === 'object' && typeof create['type'] === 'string' ? undefined : 'Missing create type';
  }
  if (message['del'] !== undefined) return message['del'] === true ? undefined : 'del value must be true';
  return 'op' in message ? undefined : 'Missing op, create, or del';
}

function checkQuery(message: Fields): string | undefined {
  if (typeof message['id'] !== 'number') return 'Missing query ID';
  if (message['a'] !== 'qu' && isInvalidName(message['c'])) return 'Invalid collection';
  if (message['o'] != null && typeof message['o'] !== 'object') return 'Invalid query options';
  return undefined;
}

function checkSnapshotRequest(message: Fields): string | undefined {
  if (typeof message['id'] !== 'number') return 'Missing request ID';
  const nameError = checkName(message);
  if (nameError) return nameError;
  if (message['v'] != null && !isCount(message['v'])) return 'Invalid version';
  if (message['ts'] != null && !isCount(message['ts'])) return 'Invalid timestamp';
  return undefined;
}

function checkPresenceChannel(message: Fields): string | undefined {
  return typeof message['ch'] === 'string' && !isInvalidName(message['ch']) ? undefined : 'Invalid presence channel';
}

function checkPresence(message: Fields): string | undefined {
  const channelError = checkPresenceChannel(message);
  if (channelError) return channelError;
  if (isInvalidName(message['id'])) return 'Invalid presence ID';
  if (!isCount(message['pv'])) return 'Invalid presence version';
  if (message['c'] == null || message['d'] == null) return undefined;
  return checkName(message) ?? (isPosition(message['at']) ? undefined : 'Invalid version');
}

function checkResume(message: Fields): string | undefined {
  const docs = message['docs'];
  if (!Array.isArray(docs)) return 'Missing documents';
  for (const doc of docs as Fields[]) {
    if (!doc || typeof doc !== 'object') return 'Invalid document';
    const error = checkName(doc);
    if (error) return error;
    if (!isPosition(doc)) return 'Invalid version';
    if (!Array.isArray(doc['unsettled']) || !doc['unsettled'].every(isCount)) return 'Invalid seq';
  }
  return undefined;
}
