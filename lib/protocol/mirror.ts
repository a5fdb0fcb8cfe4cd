import {isCount, isObject, isText, type Fields} from './checks.js';
import type {Epoch} from './ids.js';
import type {Change, SavedContent} from './stored.js';

/**
 * The messages on the mirror channel. A host without a store posts its changes there, and up to two tabs keep a copy. All mirrors
 * and hosts receive each message, so a message for one receiver names it.
 */

/** The position of a host or a mirror: the number of groups of changes that were posted in the host's term. */
export interface MirrorPosition {
  /** The term of the host. Later hosts have higher terms. Messages of lower terms are ignored. */
  term: number;
  n: number;
}

export type MirrorMessage =
  /** A new host asks which mirrors exist. */
  | {type: 'ask'; host: Epoch}
  /** A mirror's answer. Without a place, the mirror is empty. */
  | {type: 'have'; host: Epoch; mirror: string; place?: MirrorPosition}
  /** The host asks this mirror for its content. */
  | {type: 'send'; host: Epoch; mirror: string}
  /** The whole content, for a host or for a mirror. */
  | {type: 'content'; to: string; place: MirrorPosition; content: SavedContent}
  /** A host begins its term. Mirrors at position `from` have the content that it begins with. */
  | {type: 'claim'; term: number; from?: MirrorPosition}
  /** One group of changes. Its number follows that of the group before. */
  | {type: 'changes'; place: MirrorPosition; changes: Change[]}
  /** A tab offers to be a mirror, or has missed a group. It asks the host for the whole content. */
  | {type: 'join'; mirror: string}
  /** There are enough mirrors already. */
  | {type: 'full'; mirror: string}
  /** A mirror stops. */
  | {type: 'leave'; mirror: string}
  /** All content must be deleted. */
  | {type: 'clear'; term: number};

const isKey = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(isText);
const isPlace = (value: unknown): boolean => isObject(value) && isCount(value['term']) && isCount(value['n']);
const isOptional = (value: unknown, check: (value: unknown) => boolean): boolean => value === undefined || check(value);

const CHANGES: Record<Change['type'], (change: Fields) => boolean> = {
  append: ({key, n, record}) => isKey(key) && isCount(n) && isText(record),
  checkpoint: ({key, n, checkpoint, hasPending}) => isKey(key) && isCount(n) && isText(checkpoint) && typeof hasPending === 'boolean',
  remove: ({key}) => isKey(key),
  meta: ({name, value}) => isText(name) && isOptional(value, isText)
};

const CHECKS: Record<MirrorMessage['type'], (message: Fields) => boolean> = {
  ask: ({host}) => isText(host),
  have: ({host, mirror, place}) => isText(host) && isText(mirror) && isOptional(place, isPlace),
  send: ({host, mirror}) => isText(host) && isText(mirror),
  content: ({to, place, content}) => isText(to) && isPlace(place) && isContent(content),
  claim: ({term, from}) => isCount(term) && isOptional(from, isPlace),
  changes: ({place, changes}) => isPlace(place) && Array.isArray(changes) && changes.every(isChange),
  join: ({mirror}) => isText(mirror),
  full: ({mirror}) => isText(mirror),
  leave: ({mirror}) => isText(mirror),
  clear: ({term}) => isCount(term)
};

/** The data as a mirror message; undefined if it does not have that form. */
export function parseMirrorMessage(data: unknown): MirrorMessage | undefined {
  if (!isObject(data) || !isText(data['type']) || !Object.hasOwn(CHECKS, data['type'])) return undefined;
  return CHECKS[data['type'] as MirrorMessage['type']](data) ? (data as unknown as MirrorMessage) : undefined;
}

function isChange(change: unknown): boolean {
  return isObject(change) && isText(change['type']) && Object.hasOwn(CHANGES, change['type']) && CHANGES[change['type'] as Change['type']](change);
}

function isContent(content: unknown): boolean {
  if (!isObject(content)) return false;
  const {docs, meta} = content;
  return Array.isArray(docs) && docs.every(isStoredDoc) &&
    Array.isArray(meta) && meta.every(entry => Array.isArray(entry) && entry.length === 2 && entry.every(isText));
}

function isStoredDoc(doc: unknown): boolean {
  return isObject(doc) && isKey(doc['key']) && isOptional(doc['checkpoint'], isText) && typeof doc['hasPending'] === 'boolean' &&
    Array.isArray(doc['journal']) && doc['journal'].every(record => isObject(record) && isCount(record['n']) && isText(record['record']));
}
