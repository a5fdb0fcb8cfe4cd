/** Functions for ops of any OT type. */
import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';
import {withoutRemoved} from '../ot/invert.js';
import {transformBoth} from '../ot/transform-both.js';

/** Whether the op does nothing: null (json1), an empty list, or a Delta with an empty list. */
export function isNoop(op: unknown): boolean {
  return op === null || op === undefined || listOf(op).length === 0;
}

/** The op in normal form, if the type has one. Documents submit ops in this form. */
export function normalized(type: Type, op: unknown): unknown {
  return type['normalize'] ? (type['normalize'] as (op: unknown) => unknown)(op) : op;
}

/** Whether two ops have the same content. Their classes have no meaning. */
export function isSameOp(one: unknown, other: unknown): boolean {
  return equal(plain(listOf(one)), plain(listOf(other)));
}

/** Whether two ops are the same, except for statements of what they remove: an undo is submitted with these, and a stack has it without some. */
export function hasSameEffect(type: Type, one: unknown, other: unknown): boolean {
  const bare = (op: unknown): unknown => (isNoop(op) ? op : withoutRemoved(type, normalized(type, op)));
  return isSameOp(bare(one), bare(other));
}

/** Composes two ops, the first one first. @param type a type with `compose` */
export function composed(type: Type, one: unknown, other: unknown): unknown {
  return isNoop(one) ? other : isNoop(other) ? one : type.compose!(one, other);
}

/** {@link transformBoth}, also for ops that do nothing. */
export function transformedBoth(type: Type, client: unknown, server: unknown): [client: unknown, server: unknown] {
  if (isNoop(client) || isNoop(server)) return [client, server];
  return transformBoth(type, client, server);
}

/** A copy of the JSON content, without classes. */
function plain(data: unknown): unknown {
  return data === undefined ? data : (JSON.parse(JSON.stringify(data)) as unknown);
}

function listOf(op: unknown): readonly unknown[] {
  if (Array.isArray(op)) return op;
  const {ops} = (op ?? {}) as {ops?: unknown};
  return Array.isArray(ops) ? ops : [op];
}
