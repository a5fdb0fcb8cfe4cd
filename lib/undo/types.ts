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
  /** ShareDB's record of the op that is under way. */
  readonly inflightOp?: object | null;
  /** ShareDB's records of the ops that are to be sent. */
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
   * Whose ops are undone. `'tab'`: those of this tab. `'browser'`: those of all tabs of this browser that follow the documents with
   * such a manager; their undo stack is one. Default `'tab'`.
   */
  scope?: 'tab' | 'browser' | undefined;
  /** Captures only ops with one of these sources (`doc.submitOp(op, {source})`; `true` where none is given). Default: all of this tab's. */
  sources?: readonly unknown[] | undefined;
  /** Ops that follow each other within so many ms are undone together. 0: each by itself. Default 500. */
  captureTimeout?: number | undefined;
  /** How many steps are kept; older ones are forgotten. Default 100. */
  limit?: number | undefined;
}

/** The argument of an `UndoManager`'s events. */
export interface StackItemEvent {
  /** The stack that the item was put on or taken from. */
  type: 'undo' | 'redo';
  /** The app's own data of the step in this tab, such as the cursor before it. The step that redoes an undone one has the same. */
  meta: Map<unknown, unknown>;
}

/** What an `UndoManager` emits. What another tab does to a shared stack is a `change` alone: its cursor is not this tab's. */
export interface UndoEvents {
  /** A step was added to a stack. */
  'stack-item-added': (event: StackItemEvent) => void;
  /** Ops were added to the last step. */
  'stack-item-updated': (event: StackItemEvent) => void;
  /** A step was undone or redone. */
  'stack-item-popped': (event: StackItemEvent) => void;
  /** `canUndo` or `canRedo` may have changed. */
  'change': () => void;
  /** The server refused an op that undoes or redoes something. Without a listener it is an `error` event of the document. */
  'error': (error: Error) => void;
}

/** An op that has been applied to a document. On a stack that tabs share, ops come in the order of the host's history. */
export interface DoneOp {
  type: Type;
  op: unknown;
  /** The op that undoes it; undefined if the type can't invert it, or it is not needed. */
  inverse: unknown;
  /** The op in which it was or will be sent, if it is a tab's. */
  sentIn: OpId | undefined;
  /** It takes back the ops for which this returns true. The server has refused them. */
  isRefused: ((id: OpId) => boolean) | undefined;
  /** Its role on a shared stack; if there is none, it is somebody else's. */
  mark?: UndoMark | undefined;
  /** Set if the document shows all of the op, and nothing that was made since. */
  dataAfter?: DataAfter | undefined;
}

/** What a watcher of a document tells. */
export interface WatcherEvents {
  /** Whether an op with this source can be undone, or undoes something. */
  isOwn(source: unknown): boolean;
  /** Whether the inverses of ops of others are needed. */
  needsInverses(): boolean;
  /** This tab has made an op that can be undone, or undoes something. */
  onOwnOp(op: DoneOp, source: unknown): void;
  /** An op that what can be undone is to be carried over; on a shared stack each op. */
  onOp(op: DoneOp): void;
  /** Another state has been loaded, to which no op has led. @param before the one before */
  onLoad(before: unknown): void;
  /** The document was deleted, or nothing is known of how it came to what it is. */
  onLost(): void;
  /** The server has acknowledged all ops that can be undone. */
  onConfirmed(): void;
}

/** Tells what happens to one document. */
export interface Watcher {
  /** Tells of what somebody else is about to complete. */
  flush(): void;
  /** A copy of the document's data as far as they were told. @param shown what the document shows. @throws if they can't be known */
  dataOf(shown: unknown): unknown;
  /** Stops watching. Closing twice is no error. */
  close(): void;
}
