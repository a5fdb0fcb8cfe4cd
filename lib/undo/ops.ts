/** What undo needs to know of ops and data of any OT type. */
import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';

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

/** Whether the op leads from one state of a document to the other. Both are left as they are. */
export function leadsTo(type: Type, op: unknown, before: unknown, after: unknown): boolean {
  try {
    return equal(plain(type.apply(copyOf(type, before), plain(op))), plain(after));
  } catch {
    return false;
  }
}

/** A copy, as JSON has it: a class tells nothing of a value, and types may keep or change what they are given. */
function plain(data: unknown): unknown {
  return data === undefined ? data : (JSON.parse(JSON.stringify(data)) as unknown);
}

function copyOf(type: Type, data: unknown): unknown {
  return type.deserialize ? type.deserialize(plain(type.serialize ? type.serialize(data) : data)) : plain(data);
}

function listOf(op: unknown): readonly unknown[] {
  if (Array.isArray(op)) return op;
  const {ops} = (op ?? {}) as {ops?: unknown};
  return Array.isArray(ops) ? ops : [op];
}
