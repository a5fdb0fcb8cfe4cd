import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {QueryOptions} from '../tab/query.js';
import {DocObserver} from './doc-observer.js';
import type {Observer} from './observer.js';
import {PresenceObserver} from './presence-observer.js';
import {QueryObserver} from './query-observer.js';

/** How long an observer that no component uses any more is kept, in ms. */
export const GRACE_MS = 5000;

/** The observers of one connection. All components share them. */
export class ConnectionObservers {
  private readonly observers = new Map<string, Observer<any>>();

  constructor(private readonly connection: ProxyConnection) {}

  doc<Data>(collection: string, id: string): DocObserver<Data> {
    return this.observer(JSON.stringify(['doc', collection, id]), onClosed =>
      new DocObserver<Data>(this.connection, collection, id, this.connection.clock, GRACE_MS, onClosed));
  }

  query<Data>(collection: string, query: unknown, options: QueryOptions, fetch: boolean): QueryObserver<Data> {
    return this.observer(JSON.stringify(['query', collection, query, options, fetch]), onClosed =>
      new QueryObserver<Data>(
        this.connection, {collection, query, options, fetch}, (...of) => this.doc<Data>(...of), this.connection.clock, GRACE_MS, onClosed
      ));
  }

  presence<Value>(channel: string): PresenceObserver<Value> {
    return this.observer(JSON.stringify(['presence', channel]), onClosed =>
      new PresenceObserver<Value>(this.connection.getPresence(channel), this.connection.clock, GRACE_MS, onClosed));
  }

  docPresence<Value>(collection: string, id: string): PresenceObserver<Value> {
    return this.observer(JSON.stringify(['docPresence', collection, id]), onClosed =>
      new PresenceObserver<Value>(this.connection.getDocPresence(collection, id), this.connection.clock, GRACE_MS, onClosed));
  }

  private observer<O extends Observer<any>>(key: string, create: (onClosed: () => void) => O): O {
    const existing = this.observers.get(key);
    if (existing) return existing as O;
    const observer = create(() => {
      if (this.observers.get(key) === observer) this.observers.delete(key);
    });
    this.observers.set(key, observer);
    return observer;
  }
}

const all = new WeakMap<ProxyConnection, ConnectionObservers>();

export function observersOf(connection: ProxyConnection): ConnectionObservers {
  let observers = all.get(connection);
  if (!observers) all.set(connection, (observers = new ConnectionObservers(connection)));
  return observers;
}
