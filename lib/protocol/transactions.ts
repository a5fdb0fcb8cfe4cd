import {isCount, isNamed, isObject} from './checks.js';
import type {DeadLetter} from './messages.js';

/**
 * The reads of a transaction in a document: `=key` for a key of the root object, ALL for the whole document, STRUCTURE for the
 * set of keys.
 */
export const ALL = '*';
export const STRUCTURE = '#';
export const readOf = (key: string): string => `=${key}`;

/** The part of a transaction that concerns one document. */
export interface TransactionPart {
  c: string;
  d: string;
  /** The revision that the reads and the step were made at. */
  rev: number;
  reads: string[];
  step?: DeadLetter['step'];
}

/** A tab's transaction. `seq` is new for each attempt. */
export interface Commit {
  seq: number;
  /** The name of the transaction in events. */
  id: string;
  parts: TransactionPart[];
  /** The function is async, so after a conflict it may run for a long time. Other transactions do not wait for it. */
  isAsync?: boolean;
}

/** The outcome of a transaction at the server. `raced` lists reads that another device changed before the server had the transaction. */
export interface OutcomeMessage {
  a: 'shared.outcome';
  seq: number;
  raced: {c: string; d: string; read: string}[];
  rejected: {c: string; d: string; error: {code?: string | number; message: string}}[];
}

export const MAX_PARTS = 64;
export const MAX_READS = 10_000;
export const MAX_WRITES = 1000;

/** The author id of a tab's transactions. Its numbers are separate from those of the tab's ops. */
export const transactionAuthor = (tabId: string): string => `${tabId}/tx`;
export const isTransactionAuthor = (id: string): boolean => id.endsWith('/tx');
export const tabOfAuthor = (id: string): string => id.slice(0, -3);

export function isCommit(value: unknown): value is Commit {
  return isObject(value) && isCount(value['seq']) && typeof value['id'] === 'string' && Array.isArray(value['parts']) && value['parts'].length <= MAX_PARTS &&
    value['parts'].every(isPart) && new Set((value['parts'] as TransactionPart[]).map(({c, d}) => JSON.stringify([c, d]))).size === value['parts'].length;
}

function isPart(part: unknown): part is TransactionPart {
  return isObject(part) && isNamed(part['c'], part['d']) && isCount(part['rev']) && Array.isArray(part['reads']) &&
    part['reads'].length <= MAX_READS && part['reads'].every(read => typeof read === 'string') &&
    (part['step'] === undefined || isStep(part['step']));
}

function isStep(step: unknown): boolean {
  if (!isObject(step)) return false;
  if (step['create'] !== undefined) return isObject(step['create']) && typeof step['create']['type'] === 'string';
  return step['del'] === true || (step['op'] !== undefined && (!Array.isArray(step['op']) || step['op'].length <= MAX_WRITES));
}

/** Whether a value asks if a transaction was placed, or for its outcome. */
export function isQuestion(value: unknown): value is {seq: number; docs: [c: string, d: string][]} {
  return isObject(value) && isCount(value['seq']) && Array.isArray(value['docs']) &&
    value['docs'].every(key => Array.isArray(key) && isNamed(key[0], key[1]));
}

interface Happened {
  op?: unknown;
  create?: unknown;
  del?: unknown;
  load?: unknown;
}

/** The reads whose result a step may have changed. */
export function touchedReads(step: Happened, isJson0: boolean, reads: ReadonlySet<string>): string[] {
  if (!reads.size) return [];
  if (!('op' in step)) return step.create || step.del || step.load ? [...reads] : [];
  if (!isJson0 || !Array.isArray(step.op)) return [...reads];
  const touched = new Set<string>();
  for (const component of step.op as Record<string, unknown>[]) {
    const [first, ...rest] = component['p'] as unknown[];
    if (first === undefined) return [...reads];
    const read = readOf(String(first));
    if (reads.has(read)) touched.add(read);
    if (reads.has(ALL)) touched.add(ALL);
    if (reads.has(STRUCTURE) && !rest.length && (typeof first === 'number' || ('oi' in component) !== ('od' in component))) touched.add(STRUCTURE);
  }
  return [...touched];
}
