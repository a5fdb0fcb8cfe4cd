import type {Component} from './json0.js';
import type {ArrayChangeEvent} from './types.js';
import {copyOf} from './values.js';

/** Which transaction made a change, whether this tab made it, and when this tab showed it, in ms since the epoch. */
export interface Origin {
  timestamp: number;
  isLocal: boolean;
  transactionId?: string;
}

/** One change of an array. */
export type ArrayStep =
  | {type: 'splice'; index: number; deleted: unknown[]; inserted: unknown[]}
  | {type: 'set'; index: number; oldValue: unknown; newValue: unknown}
  | {type: 'move'; from: number; to: number}
  | {type: 'reset'; oldValue: unknown[]; newValue: unknown[]};

/** The changes that one op, or a new state, made to a document. Values are in stored form. */
export type Change = {origin: Origin} & (
  | {type: 'keys'; keys: Map<string, {old: unknown; new: unknown}>}
  | {type: 'array'; steps: ArrayStep[]}
);

export type Data = Record<string, unknown> | unknown[];

/**
 * Notes the parts of the data that are needed to describe an op's changes. Call it before the op is applied. Values that the op
 * changes inside are copied.
 */
export function before(data: Data, op: readonly Component[]): unknown {
  if (!Array.isArray(data)) {
    const old = new Map<string, unknown>();
    for (const {p: [key], p} of op) {
      const name = String(key);
      const value = Object.hasOwn(data, name) ? data[name] : undefined;
      // json0 changes the inside of a value in place.
      if (p.length > 1) old.set(name, copyOf(value));
      else if (!old.has(name)) old.set(name, value);
    }
    return old;
  }
  if (op.every(({p}) => p.length === 1)) return undefined;
  if (op.length > 1) return copyOf(data);
  return copyOf(data[op[0]!.p[0] as number]);
}

/**
 * The changes that the op made.
 * @param known the result of {@link before}
 */
export function after(data: Data, op: readonly Component[], known: unknown, origin: Origin): Change | undefined {
  if (!Array.isArray(data)) {
    const keys = new Map<string, {old: unknown; new: unknown}>();
    for (const [key, old] of known as Map<string, unknown>) {
      const value = Object.hasOwn(data, key) ? data[key] : undefined;
      if (old !== value) keys.set(key, {old, new: value});
    }
    return keys.size ? {type: 'keys', keys, origin} : undefined;
  }
  if (op.every(({p}) => p.length === 1)) {
    const steps = joined(op.map(stepOf).filter(step => !!step));
    return steps.length ? {type: 'array', steps, origin} : undefined;
  }
  if (op.length > 1) return {type: 'array', steps: [{type: 'reset', oldValue: known as unknown[], newValue: [...data]}], origin};
  const index = op[0]!.p[0] as number;
  return {type: 'array', steps: [{type: 'set', index, oldValue: known, newValue: data[index]}], origin};
}

function stepOf({p: [at], li, ld, lm}: Component): ArrayStep | undefined {
  const index = at as number;
  if (lm !== undefined) return lm === index ? undefined : {type: 'move', from: index, to: lm};
  if (li !== undefined && ld !== undefined) return {type: 'set', index, oldValue: ld, newValue: li};
  return {type: 'splice', index, deleted: ld === undefined ? [] : [ld], inserted: li === undefined ? [] : [li]};
}

/** The changes that a new state makes to the old one. */
export function between(old: Data, data: Data, origin: Origin): Change | undefined {
  if (Array.isArray(data)) {
    const oldValue = Array.isArray(old) ? old : [];
    if (isSame(oldValue, data)) return undefined;
    return {type: 'array', steps: [{type: 'reset', oldValue, newValue: [...data]}], origin};
  }
  const from = (Array.isArray(old) ? {} : old) as Record<string, unknown>;
  const keys = new Map<string, {old: unknown; new: unknown}>();
  for (const key of new Set([...Object.keys(from), ...Object.keys(data)])) {
    if (!isSame(from[key], data[key])) keys.set(key, {old: from[key], new: data[key]});
  }
  return keys.size ? {type: 'keys', keys, origin} : undefined;
}

export const isSame = (one: unknown, other: unknown): boolean => one === other || JSON.stringify(one) === JSON.stringify(other);

/** Merges adjacent insertions and removals into one step. */
function joined(steps: ArrayStep[]): ArrayStep[] {
  const all: ArrayStep[] = [];
  for (const step of steps) {
    const last = all.at(-1);
    if (last?.type === 'splice' && step.type === 'splice' && step.index === last.index + last.inserted.length) {
      last.deleted.push(...step.deleted);
      last.inserted.push(...step.inserted);
    } else all.push(step);
  }
  return all;
}

/** Applies a step to a list. */
export function makeStep(list: unknown[], step: ArrayStep): void {
  switch (step.type) {
    case 'splice':
      list.splice(step.index, step.deleted.length, ...step.inserted);
      return;
    case 'set':
      list[step.index] = step.newValue;
      return;
    case 'move':
      list.splice(step.to, 0, ...list.splice(step.from, 1));
      return;
    case 'reset':
      list.splice(0, list.length, ...step.newValue);
  }
}

/** Reverts a step. */
export function undoStep(list: unknown[], step: ArrayStep): void {
  switch (step.type) {
    case 'splice':
      return makeStep(list, {...step, deleted: step.inserted, inserted: step.deleted});
    case 'move':
      return makeStep(list, {...step, from: step.to, to: step.from});
    default:
      makeStep(list, {...step, newValue: step.oldValue} as ArrayStep);
  }
}

/** The event for a step, with the app's values in place of the stored ones. */
export function arrayEvent<T>(step: ArrayStep, origin: Origin, decode: (stored: unknown) => T): ArrayChangeEvent<T> {
  switch (step.type) {
    case 'splice':
      return {...step, ...origin, deleted: step.deleted.map(decode), inserted: step.inserted.map(decode)};
    case 'set':
      return {...step, ...origin, oldValue: decode(step.oldValue), newValue: decode(step.newValue)};
    case 'move':
      return {...step, ...origin};
    case 'reset':
      return {...step, ...origin, oldValue: step.oldValue.map(decode), newValue: step.newValue.map(decode)};
  }
}

/**
 * What `read` returns for the data after each change, or after the last one only.
 * @param data the data after all changes, which must be those of one turn
 */
export function statesAfter<S>(changes: readonly Change[], data: Data, isEach: boolean, read: (data: Data) => S): {state: S; origin: Origin}[] {
  const copy = Array.isArray(data) ? [...data] : {...data};
  const states: {state: S; origin: Origin}[] = [];
  // Reverts one change after the other. Their new values may have been changed inside by later ones, but their old values are copies.
  for (const change of isEach ? [...changes].reverse() : changes.slice(-1)) {
    states.unshift({state: read(copy), origin: change.origin});
    if (change.type === 'array') for (const step of [...change.steps].reverse()) undoStep(copy as unknown[], step);
    else for (const [key, {old}] of change.keys) (copy as Record<string, unknown>)[key] = old;
  }
  return states;
}
