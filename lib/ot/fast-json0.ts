import type {Type} from 'sharedb/lib/sharedb.js';
import {transformTexts} from './json0-text.js';
import {changedBefore} from './json0-values.js';

/** A component of a json0 op: a path, and the change there. */
interface Component {
  p: (string | number)[];
  oi?: unknown;
  od?: unknown;
  li?: unknown;
  ld?: unknown;
  lm?: number;
  si?: unknown;
  sd?: unknown;
}

type Op = readonly Component[];
type Side = 'left' | 'right';

/** The functions of json0 that are used here and that not every type has. */
interface Json0 extends Type {
  append(op: Component[], component: Component): void;
  /** Throws if a component has no path. */
  checkValidOp(op: Op): void;
  compose(op: Op, next: Op): Op;
  transform(op: Op, other: Op, side: Side): Op;
  transformX(left: Op, right: Op): [Op, Op];
}

const JSON0 = 'http://sharejs.org/types/JSONv0';

const fastTypes = new WeakMap<Type, Type>();

/**
 * Returns a type with equal results that is faster for json0; other types are returned as they are. json0 transforms every
 * component of one op against every component of the other, which takes seconds for two ops of 1,000 keys each, and copies both
 * components through JSON. It also copies a whole op for each component composed into it.
 *
 * Use the result for transform and compose, and not as `doc.type`: ShareDB's client compares `doc.type` with its own json0, and
 * emits an event per component only if they are the same.
 */
export function fastType<T extends Type | null | undefined>(type: T): T {
  if (type?.uri !== JSON0 || !hasParts(type)) return type;
  let fast = fastTypes.get(type);
  if (!fast) {
    fast = fastJson0(type);
    fastTypes.set(type, fast);
    fastTypes.set(fast, fast);
  }
  return fast as T;
}

export const isJson0 = (type: Type): boolean => type.uri === JSON0;

/** The document whose pending ops are being composed. */
let composer: object | undefined;

/** Ops that were composed for a document. Only its pending op contains them until it is sent, so the next op can be added in place. */
const composers = new WeakMap<Op, object | undefined>();

/** Runs `act` while the document has the fast type, and adds to its pending ops in place. `act` must not call the app's code. */
export function withFastType(doc: {type: Type | null}, act: () => void): void {
  const {type} = doc;
  doc.type = fastType(type);
  composer = doc;
  try {
    act();
  } finally {
    doc.type = type;
    composer = undefined;
  }
}

function hasParts(type: Type): type is Json0 {
  return ['append', 'checkValidOp', 'compose', 'transform', 'transformX'].every(name => typeof type[name as keyof Type] === 'function');
}

function fastJson0(json0: Json0): Type {
  return Object.assign(Object.create(json0) as Type, {
    compose: (op: Op, next: Op): Op => compose(json0, op, next),
    transform(op: Op, other: Op, side: Side): Op {
      const [left, right] = side === 'left' ? [op, other] : [other, op];
      const rest = side === 'right' ? withoutBeaten(right, left) : right;
      const both = side === 'left' || side === 'right' ? transformFast(json0, left, rest) : undefined;
      return both ? both[side === 'left' ? 0 : 1] : json0.transform(side === 'right' ? rest : op, other, side);
    },
    transformX(left: Op, right: Op): [Op, Op] {
      const rest = withoutBeaten(right, left);
      const transformed = transformBoth(json0, left, right);
      return rest === right ? transformed : [transformed[0], transformBoth(json0, left, rest)[1]];
    }
  });
}

// ---- An `oi` without `od`

/**
 * json0 accepts an `oi` without `od` although the key has a value, and transforms it as an insertion. Against an op that removes
 * that value, the two sides would end with different results: each with that of the op that it applies last. The server applies
 * the client's op, the left one, last and unchanged. So the right op leaves the key alone.
 * @returns the right op without components that json0 would apply over the left op; the same op if there are none
 */
function withoutBeaten(right: Op, left: Op): Op {
  const [isAnyInserted, isAnyRemoved] = [left.some(isInsertion) && right.some(isRemoval), left.some(isRemoval) && right.some(isInsertion)];
  if (!isAnyInserted && !isAnyRemoved) return right;
  const [inserted, removed] = [pathsOf(left, isInsertion), pathsOf(left, isRemoval)];
  // A component refers to the state that its op was made on, unless an earlier one has changed the same part.
  const [isLeftChanged, isRightChanged] = [changedBefore(left), changedBefore(right)];
  const rest = right.filter((component, i) => {
    const others = isRemoval(component) ? inserted : isInsertion(component) ? removed : undefined;
    const at = others?.get(pathOf(component));
    return at === undefined || isLeftChanged[at] || isRightChanged[i];
  });
  return rest.length < right.length ? rest : right;
}

const isInsertion = ({oi, od}: Component): boolean => oi !== undefined && od === undefined;
const isRemoval = ({oi, od}: Component): boolean => oi === undefined && od !== undefined;
const pathOf = ({p}: Component): string => JSON.stringify(p);

function pathsOf(op: Op, isWanted: (component: Component) => boolean): Map<string, number> {
  const paths = new Map<string, number>();
  for (const [i, component] of op.entries()) if (isWanted(component) && !paths.has(pathOf(component))) paths.set(pathOf(component), i);
  return paths;
}

// ---- Components with different first keys of an object do not affect each other.

/** The indexes of an op's components, by their first keys. */
type Places = Map<string, number>;

interface Meeting {
  left: Op;
  right: Op;
  places: Places;
}

/** Cached places of ops. If the op's length has changed, the entry is out of date. */
const known = new WeakMap<Op, {places: Places | undefined; length: number}>();

/**
 * @returns undefined if components may affect each other: a first key does not belong to an object, or occurs twice. json0's
 *   own result then depends on the order.
 */
function placesOf(op: Op): Places | undefined {
  const found = known.get(op);
  if (found?.length === op.length) return found.places;
  let places: Places | undefined = new Map();
  for (const [i, component] of op.entries()) {
    const key = objectKey(component);
    if (key === undefined || places.has(key)) {
      places = undefined;
      break;
    }
    places.set(key, i);
  }
  known.set(op, {places, length: op.length});
  return places;
}

function objectKey({p, li, ld, lm}: Component): string | undefined {
  const key = Array.isArray(p) ? p[0] : undefined;
  if (typeof key !== 'string') return undefined;
  // json0 accepts a list index as a string, too, and a list change moves other elements.
  return p.length === 1 && (li !== undefined || ld !== undefined || lm !== undefined) ? undefined : key;
}

function meet(left: Op, right: Op): Meeting | undefined {
  const places = placesOf(left);
  return places && placesOf(right) && {left, right, places};
}

const transformBoth = (json0: Json0, left: Op, right: Op): [Op, Op] => transformFast(json0, left, right) ?? json0.transformX(left, right);

/** @returns undefined if components may affect each other in other ways */
function transformFast(json0: Json0, left: Op, right: Op): [Op, Op] | undefined {
  // With one component each, there is only one pair.
  if (left.length === 1 && right.length === 1) return transformTexts(left, right);
  const meeting = meet(left, right);
  return meeting && transformMet(json0, meeting);
}

function transformMet(json0: Json0, {left, right, places}: Meeting): [Op, Op] {
  const changedLeft = new Map<number, Op>();
  const newRight: Component[] = [];
  for (const component of right) {
    const place = places.get(component.p[0] as string);
    if (place === undefined) {
      newRight.push(component);
      continue;
    }
    const [mine, theirs] = transformBoth(json0, [left[place]!], [component]);
    changedLeft.set(place, mine);
    newRight.push(...theirs);
  }
  if (!changedLeft.size) return [left, right];
  return [left.flatMap((component, i) => changedLeft.get(i) ?? component), newRight];
}

/** json0 itself composes ops with fewer components. So the ops that leave a tab equal those of ShareDB's client exactly. */
const FOLD_FROM = 32;

/**
 * Composes without a copy of unchanged components, and merges the components of one key, while json0 merges only with the last
 * one. Does not change either op, except a pending op of {@link withFastType}.
 */
function compose(json0: Json0, op: Op, next: Op): Op {
  if (op.length < FOLD_FROM) return json0.compose(op, next);
  json0.checkValidOp(next);
  let places = placesOf(op);
  // The cache entry of `op` is moved to the result: the two differ in few places.
  known.delete(op);
  // A copy for each of many ops of one turn would take a time that grows with the square of their number.
  const composed = composer && composers.get(op) === composer ? op as Component[] : [...op];
  for (const component of next) {
    const key = places && objectKey(component);
    const place = key === undefined ? undefined : places!.get(key);
    if (key !== undefined && place === undefined) {
      places!.set(key, composed.length);
      composed.push(copyOf(component));
      continue;
    }
    const merged = place === undefined ? undefined : json0.compose([composed[place]!], [component]);
    if (merged && merged.length < 2) {
      if (!merged.length) places!.delete(key!);
      // Components of different keys may have any order. So the last one takes the place of one that is removed.
      const moved = merged[0] ?? composed.pop()!;
      if (place! === composed.length) continue;
      composed[place!] = moved;
      places!.set(moved.p[0] as string, place!);
      continue;
    }
    // One key has two components. From here json0's algorithm applies; it changes the last component.
    places = undefined;
    if (composed.length) composed.push(copyOf(composed.pop()!));
    json0.append(composed, component);
  }
  known.set(composed, {places, length: composed.length});
  composers.set(composed, composer);
  return composed;
}

const copyOf = (component: Component): Component => JSON.parse(JSON.stringify(component)) as Component;
