import type {Type} from 'sharedb/lib/sharedb.js';
import {concerns} from './json0-values.js';

/** A component of a json0 op: a path, and what is done there. */
interface Component {
  p: (string | number)[];
  oi?: unknown;
  od?: unknown;
  li?: unknown;
  ld?: unknown;
  lm?: number;
}

type Op = readonly Component[];
type Side = 'left' | 'right';

/** What of json0 is used here beyond what every type has. */
interface Json0 extends Type {
  append(op: Component[], component: Component): void;
  /** Throws where a component has no path. */
  checkValidOp(op: Op): void;
  compose(op: Op, next: Op): Op;
  transform(op: Op, other: Op, side: Side): Op;
  transformX(left: Op, right: Op): [Op, Op];
}

const JSON0 = 'http://sharejs.org/types/JSONv0';

const fastTypes = new WeakMap<Type, Type>();

/**
 * The same type, with results that are equal, but in less time where it is json0. json0 transforms all components of one op
 * against all of the other, which takes seconds for two ops of 1,000 keys each, and copies all of an op for each one composed
 * into it.
 *
 * Put into what transforms and composes, and not into `doc.type`: upstream compares that with its own json0, and tells of the
 * components of an op one by one only there.
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

/** Acts while the document has the fast type. Nobody else may be called meanwhile. */
export function withFastType(doc: {type: Type | null}, act: () => void): void {
  const {type} = doc;
  doc.type = fastType(type);
  try {
    act();
  } finally {
    doc.type = type;
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
      const meeting = side === 'left' || side === 'right' ? meet(left, rest) : undefined;
      if (!meeting) return side === 'right' ? json0.transform(rest, left, side) : json0.transform(op, other, side);
      return transformMet(json0, meeting)[side === 'left' ? 0 : 1];
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
 * json0 accepts an `oi` without `od` where the key has a value, and transforms it as an insertion. Against an op that removes that
 * value, each side would end with another result: that of the op that it applies last. At the server that is the client's op, the
 * left one, which stays as it is. So the right one leaves the key alone.
 * @returns the right op without what json0 would apply over the left one; the same op where there is nothing of the kind
 */
function withoutBeaten(right: Op, left: Op): Op {
  const [isAnyInserted, isAnyRemoved] = [left.some(isInsertion) && right.some(isRemoval), left.some(isRemoval) && right.some(isInsertion)];
  if (!isAnyInserted && !isAnyRemoved) return right;
  const [inserted, removed] = [pathsOf(left, isInsertion), pathsOf(left, isRemoval)];
  const beaten = right.filter((component, i) => {
    const others = isRemoval(component) ? inserted : isInsertion(component) ? removed : undefined;
    const at = others?.get(pathOf(component));
    return at !== undefined && isOfBase(left, at) && isOfBase(right, i);
  });
  return beaten.length ? right.filter(component => !beaten.includes(component)) : right;
}

const isInsertion = ({oi, od}: Component): boolean => oi !== undefined && od === undefined;
const isRemoval = ({oi, od}: Component): boolean => oi === undefined && od !== undefined;
const pathOf = ({p}: Component): string => JSON.stringify(p);

function pathsOf(op: Op, isWanted: (component: Component) => boolean): Map<string, number> {
  const paths = new Map<string, number>();
  for (const [i, component] of op.entries()) if (isWanted(component) && !paths.has(pathOf(component))) paths.set(pathOf(component), i);
  return paths;
}

/** Whether a component tells of the state that its op was made on, and not of what earlier components have made of that. */
const isOfBase = (op: Op, at: number): boolean => !op.slice(0, at).some(earlier => concerns(earlier, op[at]!.p));

// ---- Components of different first keys of an object have nothing to do with each other.

/** The places of an op's components, by their first keys. */
type Places = Map<string, number>;

interface Meeting {
  left: Op;
  right: Op;
  places: Places;
}

/** What was found out about an op. An op of another length is another op. */
const known = new WeakMap<Op, {places: Places | undefined; length: number}>();

/**
 * @returns undefined where components may concern each other all the same: the first key is not that of an object, or one
 *   occurs twice. json0's own result depends on the order then.
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
  // A list takes the index as a string, too, and what is done to it moves its other elements.
  return p.length === 1 && (li !== undefined || ld !== undefined || lm !== undefined) ? undefined : key;
}

function meet(left: Op, right: Op): Meeting | undefined {
  // One of each is one pair anyway.
  if (left.length === 1 && right.length === 1) return undefined;
  const places = placesOf(left);
  return places && placesOf(right) && {left, right, places};
}

function transformBoth(json0: Json0, left: Op, right: Op): [Op, Op] {
  const meeting = meet(left, right);
  return meeting ? transformMet(json0, meeting) : json0.transformX(left, right);
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
    const [mine, theirs] = json0.transformX([left[place]!], [component]);
    changedLeft.set(place, mine);
    newRight.push(...theirs);
  }
  if (!changedLeft.size) return [left, right];
  return [left.flatMap((component, i) => changedLeft.get(i) ?? component), newRight];
}

/** An op of fewer components is composed by json0 itself: what leaves a tab is then, to the letter, what ShareDB's client sends. */
const FOLD_FROM = 32;

/**
 * Composes without a copy of what stays as it is, and one key's components into one, where json0 looks at the last one only.
 * Neither op is changed.
 */
function compose(json0: Json0, op: Op, next: Op): Op {
  if (op.length < FOLD_FROM) return json0.compose(op, next);
  json0.checkValidOp(next);
  let places = placesOf(op);
  // What is known of `op` becomes what is known of the result: they differ in few places.
  known.delete(op);
  const composed = [...op];
  for (const component of next) {
    const key = places && objectKey(component);
    const place = key === undefined ? undefined : places!.get(key);
    if (key !== undefined && place === undefined) {
      places!.set(key, composed.length);
      composed.push(copyOf(component));
      continue;
    }
    const merged = place === undefined ? undefined : json0.compose([composed[place]!], [component]);
    if (merged?.length === 1) {
      composed[place!] = merged[0]!;
      continue;
    }
    // The places have changed, or one key has two components: it goes on as json0 does it, which changes the last component.
    places = undefined;
    if (merged?.length === 0) {
      composed.splice(place!, 1);
      continue;
    }
    if (composed.length) composed.push(copyOf(composed.pop()!));
    json0.append(composed, component);
  }
  if (places) known.set(composed, {places, length: composed.length});
  return composed;
}

const copyOf = (component: Component): Component => JSON.parse(JSON.stringify(component)) as Component;
