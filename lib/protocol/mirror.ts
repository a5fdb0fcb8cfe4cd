import {isCount, isObject, isText, type Fields} from './checks.js';
import type {Epoch} from './ids.js';
import type {Change, SavedContent} from './stored.js';

/**
 * What is said on the channel of the mirrors: a host without a store posts what it would have stored, and
 * tabs follow it. Everybody hears everything; who is meant stands in the message.
 */

/** How far somebody has come: so many groups of changes of the host with that term. */
export interface MirrorPosition {
  /** Of a host: later ones have higher terms, and what comes of lower ones is ignored. */
  term: number;
  n: number;
}

export type MirrorMessage =
  /** A new host asks what there is. */
  | {type: 'ask'; host: Epoch}
  /** The answer of a mirror; without a place, it has nothing. */
  | {type: 'have'; host: Epoch; mirror: string; place?: MirrorPosition}
  /** The host wants all that this mirror has. */
  | {type: 'send'; host: Epoch; mirror: string}
  /** All that there is, for a host or for a mirror. */
  | {type: 'content'; to: string; place: MirrorPosition; content: SavedContent}
  /** A host has begun its term, with what the mirrors have that had come as far as `from`. */
  | {type: 'claim'; term: number; from?: MirrorPosition}
  /** One group of changes. Each is the next after the one before. */
  | {type: 'changes'; place: MirrorPosition; changes: Change[]}
  /** A tab wants to be a mirror, or has missed something: it wants all that the host has. */
  | {type: 'join'; mirror: string}
  /** There are mirrors enough. */
  | {type: 'full'; mirror: string}
  /** A mirror that there is no longer. */
  | {type: 'leave'; mirror: string}
  /** All is to be forgotten. */
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

/** What the channel delivered, if it has the form of one of these messages. */
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
