interface Component {
  p: (string | number)[];
  si?: unknown;
  sd?: unknown;
}

type Op = readonly Component[];

/** An insertion or deletion in a text: its index and its length, in UTF-16 units. */
interface Change {
  at: number;
  length: number;
  isDeletion: boolean;
}

/**
 * Transforms two ops that each insert or delete one piece of text, with json0's result but without its copies of both through JSON.
 * @returns both ops, each transformed over the other; undefined if they are other ops, or if one changes what the other deletes
 */
export function transformTexts(left: Op, right: Op): [Op, Op] | undefined {
  const [mine, theirs] = [changeOf(left), changeOf(right)];
  const [path, otherPath] = [left[0]?.p, right[0]?.p];
  if (!mine || !theirs || path!.length !== otherPath!.length) return undefined;
  if (path!.some((key, i) => i < path!.length - 1 && key !== otherPath![i])) return [left, right];
  const [at, otherAt] = [moved(mine, theirs, true), moved(theirs, mine, false)];
  return at === undefined || otherAt === undefined ? undefined : [movedTo(left, at), movedTo(right, otherAt)];
}

/** @returns undefined if the op does anything else */
function changeOf(op: Op): Change | undefined {
  const [component] = op;
  if (op.length !== 1 || !Array.isArray(component!.p) || Object.keys(component!).length !== 2) return undefined;
  const {p, si, sd = si} = component!;
  const at = p.at(-1);
  return typeof at === 'number' && at >= 0 && typeof sd === 'string' && sd ? {at, length: sd.length, isDeletion: si === undefined} : undefined;
}

/** The index of a change after the other one; undefined if they overlap. */
function moved({at, length, isDeletion}: Change, other: Change, isLeft: boolean): number | undefined {
  const isBefore = isDeletion ? at + length <= other.at : at < other.at || (at === other.at && (isLeft || other.isDeletion));
  if (isBefore) return at;
  if (!other.isDeletion) return at < other.at ? undefined : at + other.length;
  if (at >= other.at + other.length) return at - other.length;
  return isDeletion ? undefined : other.at;
}

function movedTo(op: Op, at: number): Op {
  const [component] = op;
  return component!.p.at(-1) === at ? op : [{...component!, p: [...component!.p.slice(0, -1), at]}];
}
