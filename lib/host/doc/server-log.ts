import * as ot from 'sharedb/lib/ot.js';
import type {RealDoc, RealOp} from '../upstream.js';

/** The number of ops that are kept. Remote presence is rarely more than a few ops behind. */
const KEEP = 64;

type ServerOp = Pick<RealOp, 'op' | 'create' | 'del'> & {src?: string | undefined};

/** A presence at a version of the server. `p` is its value, `t` the URI of the OT type. */
export interface VersionedPresence {
  p: unknown;
  v: number;
  t: string;
  src?: string | undefined;
}

/**
 * Keeps the last ops of a document in the server's form, before they are transformed over pending ops. A remote client's presence, or a
 * snapshot, belongs to a version of the server, so it can be updated only with these.
 */
export class ServerLog {
  private readonly ops = new Map<number, ServerOp>();

  constructor(private readonly doc: RealDoc) {
    const upstream = doc._handleOp;
    doc._handleOp = (error, message) => {
      const {inflightOp, version} = doc;
      const raw = message as RealOp & {v?: number};
      const isOwn = !!inflightOp && raw.src === inflightOp.src && raw.seq === inflightOp.seq;
      if (!error && raw.v !== undefined && (isOwn || raw.v === version)) {
        this.keep(raw.v, isOwn ? copy(inflightOp, raw.src) : copy(raw, raw.src));
      }
      upstream.call(doc, error, message);
    };
  }

  /**
   * Transforms `presence` to the document's current state: over the server's ops, then over the pending ops.
   * @returns the value at the current state; undefined if an op is missing or the type can't transform the value
   */
  transformPresence(presence: VersionedPresence): {p: unknown} | undefined {
    const {doc} = this;
    const transformed = {...presence};
    const since = this.since(presence.v);
    if (!since) return undefined;
    for (const {src, ...step} of since) {
      if (ot.transformPresence(transformed, step, src === presence.src)) return undefined;
    }
    for (const op of [doc.inflightOp, ...doc.pendingOps]) {
      if (!op) continue;
      const {src: _src, ...step} = copy(op, undefined);
      if (ot.transformPresence(transformed, step, false)) return undefined;
    }
    return {p: transformed.p};
  }

  /** Returns the server's ops from version `v` to the document's version; undefined if one of them is missing. */
  since(v: number): ServerOp[] | undefined {
    const ops: ServerOp[] = [];
    for (let at = v; at !== this.doc.version; at++) {
      const op = this.ops.get(at);
      if (!op) return undefined;
      ops.push(op);
    }
    return ops;
  }

  private keep(v: number, op: ServerOp): void {
    this.ops.set(v, op);
    this.ops.delete(v - KEEP);
  }
}

/** Copies the op's fields. Upstream later assigns other values to the fields, but does not change the values. */
function copy(op: RealOp, src: string | undefined): ServerOp {
  if ('op' in op) return {op: op.op, src};
  return op.create ? {create: op.create, src} : op.del ? {del: true, src} : {op: [], src};
}
