type Container = Record<string | number, unknown>;

/** A component of a json0 op; see the ot-json0 specification. */
interface Json0Component {
  p: (string | number)[];
  li?: unknown;
  ld?: unknown;
  lm?: unknown;
}

/**
 * Makes immutable snapshots of a value that is changed in place, as ShareDB changes a document's data. An unchanged part is the
 * same object in the next snapshot (structural sharing), so that `memo` and dependency lists work.
 *
 * Objects of a class (a Delta, a Date) are passed on as they are: OT types that use them create new ones when they change.
 */
export class SnapshotCache {
  /** The last snapshot of each object of the source. */
  private snapshots = new WeakMap<object, unknown>();
  /** Objects of the source that have changed since their snapshot was made. */
  private readonly changed = new Set<object>();
  private isAllChanged = false;
  private last: unknown;

  /**
   * @param source the current value
   * @returns its snapshot; the same as before if nothing has changed
   */
  take(source: unknown): unknown {
    this.last = this.copy(source, this.last);
    this.changed.clear();
    this.isAllChanged = false;
    return this.last;
  }

  /** Notes that any part of the source may have changed. */
  invalidate(): void {
    this.isAllChanged = true;
  }

  /**
   * Notes that a json0 op was applied to the source: only the objects on its paths have changed.
   * @param source the value after the op
   */
  invalidatePaths(source: unknown, op: readonly Json0Component[]): void {
    // If a component shifts a list, the paths of the other components may not fit the result.
    if (op.length > 1 && op.some(({li, ld, lm}) => li !== undefined || ld !== undefined || lm !== undefined)) return this.invalidate();
    for (const {p} of op) {
      let value = source;
      for (const key of p) {
        if (!isContainer(value)) break;
        this.changed.add(value);
        value = value[key];
      }
    }
  }

  private copy(source: unknown, last: unknown): unknown {
    if (!isContainer(source)) return source;
    const known = this.snapshots.get(source);
    if (known !== undefined && !this.isAllChanged && !this.changed.has(source)) return known;
    const snapshot = this.shareWith(known ?? last, source);
    this.snapshots.set(source, snapshot);
    return snapshot;
  }

  /** A copy of the source, or the earlier snapshot if it is equal. */
  private shareWith(earlier: unknown, source: Container): unknown {
    const isArray = Array.isArray(source);
    const before = isContainer(earlier) && Array.isArray(earlier) === isArray ? earlier : undefined;
    const keys = Object.keys(source);
    const copy: Container = isArray ? ([] as unknown as Container) : {};
    let isSame = before !== undefined && Object.keys(before).length === keys.length;
    for (const key of keys) {
      const value = this.copy(source[key], before && Object.hasOwn(before, key) ? before[key] : undefined);
      // Assignment to a key named __proto__ would set the prototype.
      Object.defineProperty(copy, key, {value, writable: true, enumerable: true, configurable: true});
      isSame &&= Object.hasOwn(before!, key) && Object.is(before![key], value);
    }
    return isSame ? before : copy;
  }
}

/**
 * Structural sharing of two immutable values. Parts that are the same object are not compared further.
 * @returns a value equal to `next` that reuses equal parts of `last`; `last` itself if everything is equal
 */
export function shareStructure<T>(last: unknown, next: T): T {
  if (Object.is(last, next)) return next;
  if (!isContainer(last) || !isContainer(next) || Array.isArray(last) !== Array.isArray(next)) return next;
  const keys = Object.keys(next);
  let isLast = Object.keys(last).length === keys.length;
  let isNext = true;
  const shared = keys.map(key => {
    const value = shareStructure(last[key], next[key]);
    isLast &&= Object.hasOwn(last, key) && Object.is(last[key], value);
    isNext &&= Object.is(next[key], value);
    return [key, value] as const;
  });
  if (isLast) return last as T;
  if (isNext) return next;
  return (Array.isArray(next) ? shared.map(([, value]) => value) : Object.fromEntries(shared)) as T;
}

function isContainer(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}
