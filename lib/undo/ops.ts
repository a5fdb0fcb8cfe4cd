/** Operations of undo on ops and data of any OT type. */
import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';
import {transformBoth} from '../ot/transform-both.js';

/** Whether the op does nothing: json1 has null for it, the others an empty list, a Delta one inside. */
export function isNoop(op: unknown): boolean {
  return op === null || op === undefined || listOf(op).length === 0;
}

/** The op as a document submits it. */
export function normalized(type: Type, op: unknown): unknown {
  return type['normalize'] ? (type['normalize'] as (op: unknown) => unknown)(op) : op;
}

/** Whether both are the same op, whatever class they are of. */
export function isSameOp(one: unknown, other: unknown): boolean {
  return equal(plain(listOf(one)), plain(listOf(other)));
}

/** One op that does what the first and then the other does. @param type one that can compose */
export function composed(type: Type, one: unknown, other: unknown): unknown {
  return isNoop(one) ? other : isNoop(other) ? one : type.compose!(one, other);
}

/** {@link transformBoth}, also for ops that do nothing. */
export function transformedBoth(type: Type, client: unknown, server: unknown): [client: unknown, server: unknown] {
  if (isNoop(client) || isNoop(server)) return [client, server];
  return transformBoth(type, client, server);
}

/** A copy, as JSON has it: a class tells nothing of a value, and types may keep or change what they are given. */
function plain(data: unknown): unknown {
  return data === undefined ? data : (JSON.parse(JSON.stringify(data)) as unknown);
}

function listOf(op: unknown): readonly unknown[] {
  if (Array.isArray(op)) return op;
  const {ops} = (op ?? {}) as {ops?: unknown};
  return Array.isArray(ops) ? ops : [op];
}
