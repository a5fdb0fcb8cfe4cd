import {sourceSignal} from './source-signal.js';
import type {SignalLike, SignalNamespace} from './signal-like.js';

/** The part of an emitter that is used here. */
interface Emitter {
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

function listenTo(emitter: Emitter, events: readonly string[], changed: () => void): () => void {
  for (const event of events) emitter.on(event, changed);
  return () => {
    for (const event of events) emitter.removeListener(event, changed);
  };
}

/** A signal of a document's data. Its value is the document's own object: do not change it. */
export function docSignal<T = unknown>(Signal: SignalNamespace, doc: {readonly data?: T} & object): SignalLike<T | undefined> {
  const events = ['load', 'create', 'op batch', 'del', 'destroy'];
  return sourceSignal(Signal, {read: () => doc.data, listen: changed => listenTo(doc as unknown as Emitter, events, changed)});
}

/** A signal of a query's results. */
export function querySignal<T = unknown>(Signal: SignalNamespace, query: {readonly results: T} & object): SignalLike<T> {
  return sourceSignal(Signal, {read: () => query.results, listen: changed => listenTo(query as unknown as Emitter, ['ready', 'changed', 'extra'], changed)});
}

/** A signal of a connection's status, for example the number of unsent ops and of tabs. */
export function statusSignal<T>(Signal: SignalNamespace, connection: {readonly status: T} & object): SignalLike<T> {
  return sourceSignal(Signal, {read: () => connection.status, listen: changed => listenTo(connection as unknown as Emitter, ['status'], changed)});
}
