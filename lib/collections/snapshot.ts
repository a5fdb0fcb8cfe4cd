import type {Access, Component} from './json0.js';
import {copyOf} from './values.js';

/** The document that a snapshot reads. */
type SnapshotSource = Pick<Access, 'all' | 'get'>;

type Kept = {whole?: unknown; keys: Map<string, unknown>};

/** All open snapshots. */
const open = new Set<Snapshot>();

/**
 * Call it before a document changes.
 * @param op undefined if the whole data is replaced
 */
export function keepForSnapshots(base: SnapshotSource, data: unknown, op?: readonly Component[]): void {
  for (const snapshot of open) snapshot.keep(base, data, op);
}

/** The collections of this page in their state when the snapshot was made. It copies only what changes afterwards, before the change. */
export class Snapshot {
  private readonly kept = new Map<SnapshotSource, Kept>();

  constructor() {
    open.add(this);
  }

  close(): void {
    open.delete(this);
  }

  keep(base: SnapshotSource, data: unknown, op?: readonly Component[]): void {
    let kept = this.kept.get(base);
    if (!kept) this.kept.set(base, (kept = {keys: new Map()}));
    if ('whole' in kept) return;
    if (!op || Array.isArray(data) || op.some(({p}) => !p.length)) {
      kept.whole = withKept(copyOf(data), kept);
      return;
    }
    for (const {p: [key]} of op) {
      const name = String(key);
      if (!kept.keys.has(name)) kept.keys.set(name, copyOf(Object.hasOwn(data as object, name) ? (data as Record<string, unknown>)[name] : undefined));
    }
  }

  access(base: SnapshotSource, submit: () => never): Access {
    const all = (): unknown => {
      const kept = this.kept.get(base);
      if (!kept) return base.all();
      return 'whole' in kept ? kept.whole : withKept({...(base.all() as object)}, kept);
    };
    const get = (key: string): unknown => {
      const kept = this.kept.get(base);
      if (!kept) return base.get(key);
      if ('whole' in kept) return (kept.whole as Record<string, unknown>)[key];
      return kept.keys.has(key) ? kept.keys.get(key) : base.get(key);
    };
    return {
      isTransaction: true, get, peek: get, all, submit, checkLimits: submit,
      keys: () => Object.keys(all() as object),
      size: () => Object.keys(all() as object).length
    };
  }
}

function withKept(data: unknown, {keys}: Kept): unknown {
  for (const [key, value] of keys) {
    if (value === undefined) delete (data as Record<string, unknown>)[key];
    else (data as Record<string, unknown>)[key] = value;
  }
  return data;
}
