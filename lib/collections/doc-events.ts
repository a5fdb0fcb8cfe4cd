import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {Component} from './json0.js';

export interface DocListener {
  beforeOp?(op: Component[]): void;
  afterOp?(op: Component[], source: unknown): void;
  /** The document has another state or none: it was loaded, created or deleted. */
  onState?(): void;
}

const listeners = new WeakMap<ProxyDoc, Set<DocListener>>();

/**
 * Adds a listener. All transactions and collections share one listener on the document.
 * @returns a function that removes it
 */
export function listenTo(doc: ProxyDoc, listener: DocListener): () => void {
  const all = listeners.get(doc) ?? begin(doc);
  all.add(listener);
  return () => {
    all.delete(listener);
    if (!all.size && listeners.get(doc) === all) end(doc);
  };
}

type Handlers = Record<string, (...args: any[]) => void>;
const handlers = new WeakMap<ProxyDoc, Handlers>();

function begin(doc: ProxyDoc): Set<DocListener> {
  const all = new Set<DocListener>();
  const onState = (): void => { for (const one of [...all]) one.onState?.(); };
  const own: Handlers = {
    'before op batch': (op: Component[]) => { for (const one of [...all]) one.beforeOp?.(op); },
    'op batch': (op: Component[], source: unknown) => { for (const one of [...all]) one.afterOp?.(op, source); },
    load: onState, create: onState, del: onState
  };
  for (const [event, handler] of Object.entries(own)) doc.on(event as 'load', handler);
  listeners.set(doc, all);
  handlers.set(doc, own);
  return all;
}

function end(doc: ProxyDoc): void {
  for (const [event, handler] of Object.entries(handlers.get(doc)!)) doc.off(event as 'load', handler);
  listeners.delete(doc);
}
