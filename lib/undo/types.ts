import type {Type} from 'sharedb/lib/sharedb.js';
import type {Clock} from '../platform/platform.js';
import type {UndoMark} from '../protocol/undo.js';
import type {OpId} from './change-log.js';
import type {DataAfter} from './stacks.js';

/** A document of `createConnection`, or of ShareDB's own client. */
export interface UndoableDoc {
  /** The OT type; null if the document does not exist. */
  readonly type: any;
  /** The document's data. */
  readonly data: any;
  /** The connection that the document belongs to. */
  readonly connection: {
    /** The `src` of this client's ops. */
    id: string | null;
    /** The time and timers. Default: the system's. */
    clock?: Clock;
    /** Set by connections of `createConnection`: the entry of the host's history that is being applied. */
    entry?: {
      /** The author of the op. */
      src?: string | undefined;
      /** The author's number of the op. */
      seq?: number | undefined;
      /** The refused ops that this op takes back: the author and number of each. */
      takesBack?: readonly (readonly [src: string, seq: number])[] | undefined;
    } | undefined;
  };
  /** Set by connections of `createConnection`: whether the server has acknowledged all that is shown. */
  readonly isAcknowledged?: boolean;
  /** ShareDB's record of the op in flight. */
  readonly inflightOp?: object | null;
  /** ShareDB's records of the ops that are not sent yet. */
  readonly pendingOps?: readonly object[];
  /** Changes the document. */
  submitOp(op: any, options: {source: any}, callback: (error?: any) => void): unknown;
  /** Adds a listener that is called before the present ones. */
  prependListener(event: any, listener: (...args: any[]) => void): unknown;
  /** Removes a listener. */
  off(event: any, listener: (...args: any[]) => void): unknown;
  /** Calls the listeners of an event. */
  emit(event: any, ...args: any[]): unknown;
}

/** The options of an `UndoManager`. */
export interface UndoOptions {
  /**
   * The ops that can be undone. `'tab'`: those of this tab. `'browser'`: those of all tabs of this browser that have a manager with this
   * scope for the documents. These tabs share the undo stack. Default `'tab'`.
   */
  scope?: 'tab' | 'browser' | undefined;
  /** Captures only ops with one of these sources (`doc.submitOp(op, {source})`; `true` if none is given). Default: all ops of this tab. */
  sources?: readonly unknown[] | undefined;
  /** Ops that follow each other within this time, in ms, are one step. 0 makes each op a step. Default 500. */
  captureTimeout?: number | undefined;
  /** The largest number of steps in a stack. Older ones are dropped. Default 100. */
  limit?: number | undefined;
}

/** The argument of an `UndoManager`'s events. */
export interface StackItemEvent {
  /** The stack that the item was put on or taken from. */
  type: 'undo' | 'redo';
  /** The app's own data of the step in this tab, such as the cursor before it. The step that redoes an undone one has the same. */
  meta: Map<unknown, unknown>;
}

/** The events of an `UndoManager`. If another tab changes a shared stack, only `change` is emitted, because `meta` belongs to a tab. */
export interface UndoEvents {
  /** A step was added to a stack. */
  'stack-item-added': (event: StackItemEvent) => void;
  /** Ops were added to the last step. */
  'stack-item-updated': (event: StackItemEvent) => void;
  /** A step was undone or redone. */
  'stack-item-popped': (event: StackItemEvent) => void;
  /** `canUndo` or `canRedo` may have changed. */
  'change': () => void;
  /** The server refused an op that undoes or redoes a step. Without a listener, the document emits the error. */
  'error': (error: Error) => void;
}

/** An op that was applied to a document. With the scope 'browser', ops are reported in the order of the host's history. */
export interface DoneOp {
  type: Type;
  op: unknown;
  /** The op that undoes it; undefined if the type can't invert it, or the inverse is not needed. */
  inverse: unknown;
  /** The op that it was or will be sent in; undefined if the server can't refuse it. */
  sentIn: OpId | undefined;
  /** Set if the op takes back refused ops: those for which this returns true. */
  isRefused: ((id: OpId) => boolean) | undefined;
  /** Its role on a shared stack. Undefined for an op of another client. */
  mark?: UndoMark | undefined;
  /** Set if the document shows all of the op, and nothing that was made since. */
  dataAfter?: DataAfter | undefined;
}

/** The events of a watcher, and what the watcher asks. */
export interface WatcherEvents {
  /** Whether an op with this source can be undone, or undoes or redoes a step. */
  isOwn(source: unknown): boolean;
  /** Whether the inverses of ops of others are needed. */
  needsInverses(): boolean;
  /** This tab has made an op for which `isOwn` returns true. */
  onOwnOp(op: DoneOp, source: unknown): void;
  /** Another op was applied, and the stacks must be transformed over it. With the scope 'browser', each op when the host has placed it. */
  onOp(op: DoneOp): void;
  /** Another state was loaded, to which no op leads. @param before the data before the load */
  onLoad(before: unknown): void;
  /** The document was deleted, or the ops that lead to its state are not known. */
  onLost(): void;
  /** The server has acknowledged all ops that can be undone. */
  onConfirmed(): void;
}

/** Reports the ops and loads of one document. */
export interface Watcher {
  /** Reports the components of an op of another client that is being applied, so far. */
  flush(): void;
  /** Copies the document's data after the reported ops. @param shown the data that the document shows @throws if an inverse is unknown */
  dataOf(shown: unknown): unknown;
  /** Stops watching. May be called twice. */
  close(): void;
}
