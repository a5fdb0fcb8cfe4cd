/** A json0 component that inserts or deletes one element of a list, and does nothing else. */
interface Change {
  at: number;
  isInsertion: boolean;
  value: unknown;
}

interface Component {
  p: readonly (string | number)[];
  li?: unknown;
  ld?: unknown;
}

type Op = readonly Component[];

/**
 * Transforms two ops that only insert and delete elements of one list, with json0's result but by counting indexes. For each
 * component, json0 copies the inserted value once per component of the other op: 2,000 on both sides take more than a minute.
 * @returns both ops, each transformed over the other; undefined if one is not such an op
 */
export function transformLists(left: Op, right: Op): [Op, Op] | undefined {
  const path = left[0]?.p.slice(0, -1);
  const [lefts, rights] = [path && changesOf(left, path), path && changesOf(right, path)];
  if (!lefts || !rights) return undefined;
  let mine = lefts;
  const theirs: Change[] = [];
  for (const change of rights) {
    const after: Change[] = [];
    let other: Change | undefined = change;
    for (const one of mine) {
      const passed: Change | undefined = other ? pass(one, other, true) : one;
      other = other && pass(other, one, false);
      if (passed) append(after, passed);
    }
    if (other) append(theirs, other);
    mine = after;
  }
  return [componentsOf(mine, path!), componentsOf(theirs, path!)];
}

/** @returns undefined if the op does anything else, or changes another list */
function changesOf(op: Op, path: Component['p']): Change[] | undefined {
  const changes: Change[] = [];
  for (const component of op) {
    const {p, li, ld} = component;
    const at = p.at(-1);
    const isInsertion = li !== undefined;
    if (isInsertion === (ld !== undefined) || Object.keys(component).length !== 2 || typeof at !== 'number' || p.length !== path.length + 1) return undefined;
    for (let i = 0; i < path.length; i++) if (p[i] !== path[i]) return undefined;
    changes.push({at, isInsertion, value: isInsertion ? li : ld});
  }
  return changes;
}

/** Transforms one change over the other; undefined if both delete the same element. */
function pass(one: Change, other: Change, isLeft: boolean): Change | undefined {
  const {at, isInsertion} = one;
  if (other.isInsertion) {
    const isMoved = isInsertion && at === other.at ? !isLeft : other.at <= at;
    return isMoved ? {...one, at: at + 1} : one;
  }
  if (other.at < at) return {...one, at: at - 1};
  return other.at === at && !isInsertion ? undefined : one;
}

/** Appends as json0 does: an insertion that is deleted at once leaves nothing, unless the value is an object. */
function append(changes: Change[], change: Change): void {
  const last = changes.at(-1);
  const isUndone = last?.isInsertion && !change.isInsertion && last.at === change.at && last.value === change.value &&
    (change.value === null || typeof change.value !== 'object');
  if (isUndone) changes.pop();
  else changes.push(change);
}

function componentsOf(changes: readonly Change[], path: Component['p']): Op {
  return changes.map(({at, isInsertion, value}) => ({p: [...path, at], ...(isInsertion ? {li: value} : {ld: value})}));
}
