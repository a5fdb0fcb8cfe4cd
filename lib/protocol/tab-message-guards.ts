import {isCount, isError, isInvalidName, isNamed, isObject, type Fields} from './checks.js';
import {MAX_LOST_OPS, MAX_RUN, type UnconfirmedOp, type OrphanedOpsMessage, type LostOp, type Position, type SentOp} from './messages.js';

/** Guards for messages that tabs send. Only hosts load this file; tabs never need it. */

function isPosition(value: unknown): value is Position {
  if (!value || typeof value !== 'object') return false;
  const {inc, rev, ingestedSnapshot} = value as Position;
  return isCount(inc) && (rev === null || isCount(rev)) &&
    (ingestedSnapshot === undefined || (isObject(ingestedSnapshot) && (ingestedSnapshot.v === null || isCount(ingestedSnapshot.v))));
}

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
  'app.message': message => ('message' in message ? undefined : 'Missing message'),
  'doc.forget': message => (isInvalidName(message['c']) || isInvalidName(message['d']) ? 'Invalid id' : undefined),
  'tab.resume': checkResume,
  'tab.debug': ({scopes}) => (Array.isArray(scopes) ? undefined : 'Invalid scopes'),
  'tab.visible': ({visible}) => (typeof visible === 'boolean' ? undefined : 'Invalid visibility'),
  'tab.orphanedOps': message => (isOrphanedOpsMessage(message['ops']) ? undefined : 'Invalid orphaned ops')
};

/** The error in a tab's message, in ShareDB's words; undefined if it is valid. */
export function checkRequest(message: Fields): string | undefined {
  const action = message['a'] as string;
  const check = Object.hasOwn(CHECKS, action) ? CHECKS[action] : undefined;
  return check ? check(message) : 'Invalid or unknown message';
}

export function isOrphanedOpsMessage(value: unknown): value is OrphanedOpsMessage {
  const orphaned = value as OrphanedOpsMessage | null;
  return isObject(orphaned) && typeof orphaned!.tabId === 'string' && typeof orphaned!.lineage === 'string' && Array.isArray(orphaned!.docs) &&
    orphaned!.docs.every(doc => isObject(doc) && isNamed(doc.c, doc.d) && (doc.rev === null || isCount(doc.rev)) &&
      Array.isArray(doc.ops) && doc.ops.every(isSentOp) && areUnconfirmed(doc.unconfirmed) && areUnconfirmed(doc.ahead) && (doc.v === undefined || isCount(doc.v)) &&
      (doc.onlyHost === undefined || typeof doc.onlyHost === 'string'));
}

function areUnconfirmed(ops: unknown): ops is UnconfirmedOp[] | undefined {
  return ops === undefined || (Array.isArray(ops) && ops.every(op => isObject(op) &&
    (op['v'] === undefined ? typeof op['src'] === 'string' && isCount(op['seq']) : isCount(op['v']) && op['op'] !== undefined)));
}

function isSentOp(op: unknown): op is SentOp {
  return isObject(op) && isCount(op['seq']) && isObject(op['step']) && isObject(op['x']);
}

export function isLostOps(value: unknown): value is LostOp[] {
  return Array.isArray(value) && value.length <= MAX_LOST_OPS && (value as LostOp[]).every(lost =>
    isObject(lost) && typeof lost.id === 'string' && isNamed(lost.collection, lost.doc) && isObject(lost.step) &&
    (lost.type === null || typeof lost.type === 'string') && isError(lost.error) &&
    (lost.v === undefined || isCount(lost.v)) && (lost.after === undefined || typeof lost.after === 'string'));
}

/** Whether the action is a request of ShareDB's own client. That client then handles an error as the answer. */
export function isRequest(action: string): boolean {
  return Object.hasOwn(CHECKS, action) && !action.includes('.');
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
  if (message['at'] === undefined ? message['v'] != null && !isCount(message['v']) : !isPosition(message['at'])) return 'Invalid version';
  if (message['src'] == null) message['src'] = '';
  if (typeof message['src'] !== 'string' || !isCount(message['seq'])) return 'Both src and seq must be set together';
  if (!message['x'] || typeof message['x'] !== 'object') return 'Missing op options';
  return checkStep(message) ?? (message['more'] === undefined ? undefined : checkRun(message['more'], message['seq']));
}

/** Checks the ops that were sent together with an op whose number is `seq`. */
function checkRun(ops: unknown, seq: number): string | undefined {
  if (!Array.isArray(ops) || ops.length >= MAX_RUN) return 'Invalid run of ops';
  let last = seq;
  for (const op of ops) {
    if (!isSentOp(op)) return 'Invalid op in a run';
    if (op.seq <= last) return 'The seqs of a run must rise';
    last = op.seq;
    const error = checkStep(op.step as Fields);
    if (error) return error;
  }
  return undefined;
}

function checkStep(message: Fields): string | undefined {
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
    if (!areUnconfirmed(doc['unconfirmed'])) return 'Invalid op';
    if (doc['onlyHost'] !== undefined && typeof doc['onlyHost'] !== 'string') return 'Invalid host';
  }
  return undefined;
}
