import type {Type} from 'sharedb/lib/sharedb.js';
import {isSame} from './same.js';

/** A component of a json0 op, reduced to the fields for removing, replacing and counting. */
export interface Json0Component {
  p: (string | number)[];
  oi?: unknown;
  od?: unknown;
  li?: unknown;
  ld?: unknown;
  lm?: number;
  na?: number;
  t?: string;
}

type Path = Json0Component['p'];

/**
 * Whether a json0 op states correctly everything that it removes. json0 applies an op that does not, and inverts what the op
 * states. A component that removes something counts as wrong if an earlier component changed the same part of the data.
 */
export function statesRemoved(op: readonly Json0Component[], data: unknown): boolean {
  const changed = changedBefore(op);
  return op.every((component, i) => partStatesRemoved(component, data) && (removesNothing(component) || !changed[i]));
}

/**
 * The op with correct values for what it removes. json0 transforms changes inside a removed value as if the value were what the
 * op states. With a wrong statement it fails, possibly later, while ops of other tabs wait.
 */
export function corrected(op: readonly Json0Component[], data: unknown): readonly Json0Component[] {
  const changed = changedBefore(op);
  let hasChanged = false;
  const result = op.map((component, i) => {
    if ((component.od === undefined && component.ld === undefined) || partStatesRemoved(component, data)) return component;
    if (changed[i]) return component;
    const complete = completed(component, data);
    if (!complete) return component;
    hasChanged = true;
    return complete;
  });
  return hasChanged ? result : op;
}

/**
 * The op with the values from the data in all places that it removes or replaces.
 * @param data just before the op; not changed
 */
export function withRemovedValues(type: Type, op: readonly Json0Component[], data: unknown): Json0Component[] {
  let at = data;
  return op.flatMap((component, i) => {
    // Each component is made on the result of the earlier ones. json0 changes the data in place, so it gets a copy.
    if (i) at = type.apply(i === 1 ? copyOf(at) : at, [op[i - 1]]) as unknown;
    const complete = completed(component, at);
    return complete ? [complete] : [];
  });
}

function removesNothing({oi, od, ld, na}: Json0Component): boolean {
  return oi === undefined && od === undefined && ld === undefined && na === undefined;
}

function partStatesRemoved({p, oi, od, li, ld, na, t}: Json0Component, data: unknown): boolean {
  // Only for the subtype `text0` is it known that `apply` checks removals.
  if (t !== undefined && t !== 'text0') return false;
  const parent = valueAt(data, p.slice(0, -1)) as Record<string, unknown> | undefined;
  const key = p.at(-1) as string;
  if (na !== undefined) return !!parent && Number.isSafeInteger(parent[key]) && Number.isSafeInteger((parent[key] as number) + na);
  if (ld !== undefined || (li !== undefined && Array.isArray(parent))) {
    if (!Array.isArray(parent) || !Number.isSafeInteger(p.at(-1))) return false;
    const index = p.at(-1) as number;
    return ld === undefined ? index >= 0 && index <= parent.length : index >= 0 && index < parent.length && isSame(parent[index], ld);
  }
  if (oi === undefined && od === undefined) return true;
  if (!parent || typeof parent !== 'object') return false;
  const isThere = Object.hasOwn(parent, key);
  return isThere === (od !== undefined) && (!isThere || isSame(parent[key], od));
}

/** @returns undefined if the component does nothing on this data */
function completed(component: Json0Component, data: unknown): Json0Component | undefined {
  const {p, oi, od, li, ld} = component;
  const parent = valueAt(data, p.slice(0, -1));
  const key = p.at(-1)!;
  if (oi !== undefined || od !== undefined) {
    const isThere = !!parent && Object.hasOwn(parent, key);
    if (!isThere && oi === undefined) return undefined;
    const {od: _stale, ...rest} = component;
    return isThere ? {...rest, od: copyOf((parent as Record<string, unknown>)[key])} : rest;
  }
  if (!Array.isArray(parent) || typeof key !== 'number') return component;
  if (ld !== undefined) {
    if (key < parent.length) return {...component, ld: copyOf(parent[key] as unknown)};
    // The list has no element there: a replacement becomes an insertion, and a deletion does nothing.
    return li === undefined ? undefined : {p, li};
  }
  return li === undefined ? component : {...component, p: [...p.slice(0, -1), Math.min(key, parent.length)]};
}

/** For each component of an op: whether an earlier one may have changed the value at its path. The time grows linearly with the op. */
export function changedBefore(op: readonly Pick<Json0Component, 'p' | 'li' | 'ld' | 'lm'>[]): boolean[] {
  if (op.length < 2) return [false];
  /** The paths whose values earlier components have changed, and those above and at their paths, as JSON. */
  const [changed, above] = [new Set<string>(), new Set<string>()];
  return op.map(({p, li, ld, lm}) => {
    const paths = [[], ...p].map((_, i) => JSON.stringify(p.slice(0, i)));
    const isChanged = above.has(paths.at(-1)!) || paths.some(path => changed.has(path));
    // A change of a list moves its other elements.
    const isInList = li !== undefined || ld !== undefined || lm !== undefined;
    changed.add(paths.at(isInList ? -2 : -1) ?? paths[0]!);
    for (const path of paths) above.add(path);
    return isChanged;
  });
}

function valueAt(data: unknown, path: Path): object | undefined {
  let value = data;
  for (const key of path) value = value === null || value === undefined ? undefined : (value as Record<string, unknown>)[key];
  return value === null ? undefined : value as object | undefined;
}

const copyOf = (value: unknown): unknown => (value === undefined ? value : JSON.parse(JSON.stringify(value)) as unknown);
