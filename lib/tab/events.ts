import type {SaveState} from './save-states.js';

/** The methods of an emitter whose events, and what they carry, are known. */
export interface TypedEvents<Events extends object> {
  on<E extends keyof Events>(event: E, listener: Events[E]): this;
  once<E extends keyof Events>(event: E, listener: Events[E]): this;
  off<E extends keyof Events>(event: E, listener: Events[E]): this;
  addListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  removeListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  prependListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  prependOnceListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  removeAllListeners(event?: keyof Events): this;
  emit(event: keyof Events, ...args: unknown[]): boolean;
  /** `any`, so that what emits more is still taken where ShareDB's own class is asked for. */
  eventNames(): any[];
  listeners(event: keyof Events): any[];
  rawListeners(event: keyof Events): any[];
  listenerCount(event: keyof Events): number;
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}

/** An error with the code that ShareDB, the server's middleware or this library gave it. */
export type CodedError = Error & {code?: any};

/** What a document emits, in ShareDB's words. `source` is false for what others did. */
export interface DocEvents<Data> {
  'load': () => void;
  'create': (source: any) => void;
  'before op': (op: any, source: any, clientId: string) => void;
  'op': (op: any, source: any, clientId: string) => void;
  'before op batch': (op: any, source: any) => void;
  'op batch': (op: any, source: any) => void;
  'del': (data: Data, source: any) => void;
  'error': (error: any) => void;
  'no write pending': () => void;
  'nothing pending': () => void;
  /** Whether the edits are saved has changed: see `doc.saveState`. */
  'saveState': (state: SaveState) => void;
  'destroy': () => void;
}

type StateEvents = Record<'connecting' | 'connected' | 'disconnected' | 'closed' | 'stopped', (reason: any) => void>;

/** What ShareDB's connection emits. */
export interface ConnectionEvents extends StateEvents {
  'state': (state: any, reason: any) => void;
  'doc': (doc: any) => void;
  'error': (error: any) => void;
  'connection error': (error: any) => void;
  'receive': (request: {data: any}) => void;
  'send': (message: any) => void;
  'pong': () => void;
}

/** What a query emits about its results. */
export interface QueryEvents<ResultDoc> {
  ready: () => void;
  error: (error: any) => void;
  insert: (inserted: ResultDoc[], index: number) => void;
  remove: (removed: ResultDoc[], index: number) => void;
  move: (moved: ResultDoc[], from: number, to: number) => void;
  changed: (results: ResultDoc[]) => void;
  extra: (extra: any) => void;
}
