import type {Type} from 'sharedb/lib/sharedb.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Access, Component} from './json0.js';
import {listenTo} from './doc-events.js';
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

/**
 * The collections of this page in their state when the snapshot was made, and documents in their state when they were added. It copies only
 * what changes afterwards, before the change.
 */
export class Snapshot {
  private readonly kept = new Map<object, Kept>();
  private readonly docs = new Map<ProxyDoc, unknown>();
  private readonly stops: (() => void)[] = [];

  constructor() {
    open.add(this);
  }

  close(): void {
    open.delete(this);
    for (const stop of this.stops) stop();
  }

  /** Adds the documents of a connection. */
  add(connection: ProxyConnection): void {
    for (const doc of connection.proxyDocs()) {
      if (this.docs.has(doc)) continue;
      const data = doc.data as unknown;
      this.docs.set(doc, data);
      // Ops of json0 change the data in place. Ops of other types, and new states, replace them.
      if ((doc.type as Type | null)?.name === 'json0' && typeof data === 'object') this.stops.push(listenTo(doc, {beforeOp: op => this.keep(doc, data, op)}));
      else this.kept.set(doc, {whole: data, keys: new Map()});
    }
  }

  /** The data of a document when it was added. Data of json0 are copied, because they may change while the caller uses them. */
  dataOf(doc: ProxyDoc): unknown {
    this.add(doc.connection as ProxyConnection);
    this.keep(doc, this.docs.get(doc));
    return this.kept.get(doc)!.whole;
  }

  keep(base: object, data: unknown, op?: readonly Component[]): void {
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
