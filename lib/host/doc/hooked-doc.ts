import type {Callback, RealDoc, RealOp, ServerSnapshot} from '../upstream.js';

/** The functions that replace upstream's methods of the same name, and the handlers of a document's events. */
export interface DocHooks extends Pick<
  RealDoc, '_otApply' | '_handleOp' | 'ingestSnapshot' | '_clearInflightOp' | 'flush' | '_rollback' | '_hardRollback' | '_sendOp' | '_emitResponseError' |
  '_fetch' | '_flushSubscribe' | '_handleFetch' | '_handleSubscribe'
> {
  onLoad(): void;
  onError(error: Error): void;
}

const HOOKS = Symbol('hooks');

type HookedDoc = RealDoc & {[HOOKS]: DocHooks};

/** The prototypes with hooks, by upstream's prototype. An app may supply a connection of another copy of sharedb. */
const prototypes = new WeakMap<RealDoc, RealDoc>();

/**
 * Replaces methods of a document by hooks. All documents share one prototype, which calls the hooks of the document: functions for each
 * document would take ten times as long to create as the document, and ten times its memory.
 * @returns an object with upstream's methods
 */
export function hook(doc: RealDoc, hooks: DocHooks): RealDoc {
  const upstream = Object.getPrototypeOf(doc) as RealDoc;
  let prototype = prototypes.get(upstream);
  if (!prototype) prototypes.set(upstream, (prototype = prototypeBefore(upstream)));
  Object.setPrototypeOf(doc, prototype);
  (doc as HookedDoc)[HOOKS] = hooks;
  doc.on('load', onLoad);
  doc.on('error', onError);
  return upstream;
}

function prototypeBefore(upstream: RealDoc): RealDoc {
  return Object.assign(Object.create(upstream) as RealDoc, {
    _otApply(this: HookedDoc, op: RealOp, source: unknown): void { this[HOOKS]._otApply(op, source); },
    _handleOp(this: HookedDoc, error: Error | null, message: {v?: number}): void { this[HOOKS]._handleOp(error, message); },
    ingestSnapshot(this: HookedDoc, snapshot: Parameters<RealDoc['ingestSnapshot']>[0], callback?: Callback): void {
      this[HOOKS].ingestSnapshot(snapshot, callback);
    },
    _clearInflightOp(this: HookedDoc, error?: Error | null): void { this[HOOKS]._clearInflightOp(error); },
    flush(this: HookedDoc): void { this[HOOKS].flush(); },
    _rollback(this: HookedDoc, error: Error): void { this[HOOKS]._rollback(error); },
    _hardRollback(this: HookedDoc, error: Error): void { this[HOOKS]._hardRollback(error); },
    _sendOp(this: HookedDoc): void { this[HOOKS]._sendOp(); },
    _fetch(this: HookedDoc, options: {force?: boolean}, callback?: Callback): void { this[HOOKS]._fetch(options, callback); },
    _flushSubscribe(this: HookedDoc): void { this[HOOKS]._flushSubscribe(); },
    _handleFetch(this: HookedDoc, error: Error | null, snapshot?: ServerSnapshot): void { this[HOOKS]._handleFetch(error, snapshot); },
    _handleSubscribe(this: HookedDoc, error?: Error | null, snapshot?: ServerSnapshot): void { this[HOOKS]._handleSubscribe(error, snapshot); },
    _emitResponseError(this: HookedDoc, error: Error, callback?: Callback): void { this[HOOKS]._emitResponseError(error, callback); }
  });
}

function onLoad(this: HookedDoc): void {
  this[HOOKS].onLoad();
}

function onError(this: HookedDoc, error: Error): void {
  this[HOOKS].onError(error);
}
