import type {Clearing} from './clearing.js';
import type {FaultRequest, FaultState} from './faults.js';
import type {FeedEntry, FeedRequest} from './feed.js';
import type {DeadLetter, LostOp, OrphanedOpsMessage, QuarantinedDoc} from './messages.js';
import type {LeaseReport, TakeRequest} from './queues.js';
import type {HostReport, InspectOptions, TabEntry} from './report.js';
import type {Commit} from './transactions.js';

/** A call's arguments and its result. Both travel as JSON, so `undefined` arrives as `null`. */
interface Call<Args, Result> {
  args: Args;
  result: Result;
}

/** A transaction, and the documents that it concerns. */
interface TransactionQuestion {
  seq: number;
  docs: [c: string, d: string][];
}

/** The calls that a tab makes to its host. */
export interface HostCalls {
  'host.ping': Call<null, null>;
  'host.inspect': Call<InspectOptions | null, HostReport>;
  /** The messages after a known one. */
  'host.observe': Call<FeedRequest, FeedEntry[]>;
  /** Causes a fault on purpose. */
  'host.fault': Call<FaultRequest, FaultState>;
  /** Stops all tabs, then deletes all stored data. The databases keep the clearing. */
  'host.clear': Call<Clearing | null, void>;
  /** Waits until the subscribed queries on these collections have the server's results. */
  'queries.settle': Call<readonly string[], void>;
  /** Waits until all changes so far are durable. Rejects if the storage fails. */
  'store.flush': Call<null, void>;
  /** The documents, except local ones, with ops that the server has not acknowledged. */
  'store.pendingDocs': Call<null, [c: string, d: string][]>;
  /** Hands over the ops of a tab that has ended. */
  'tab.orphanedOps': Call<OrphanedOpsMessage, void>;
  /** Hands over ops that no host can apply, for the dead letters. */
  'ops.lost': Call<LostOp[], void>;
  'quarantine.list': Call<null, QuarantinedDoc[]>;
  'quarantine.export': Call<null, unknown[]>;
  /** The argument is an id in the quarantine. */
  'quarantine.restore': Call<string, void>;
  'quarantine.discard': Call<string, void>;
  'deadLetters.list': Call<null, DeadLetter[]>;
  /** The argument is the id of a dead letter. */
  'deadLetters.discard': Call<string, void>;
  'deadLetters.retry': Call<string, void>;
}

/** The calls of collections. The host has to know which tab makes them. */
export interface CollectionCalls {
  'shared.take': Call<TakeRequest, 'empty' | null>;
  'shared.cancel': Call<{c: string; d: string; r: string}, null>;
  /** The result has the ids of the items that the tab had no lease for any more. */
  'shared.report': Call<LeaseReport, string[]>;
  'shared.commit': Call<Commit, {committed: boolean}>;
  /**
   * Whether the host has placed a transaction. The tab asks the next host if the answer to `shared.commit` was lost. After this call,
   * the host does not place the transaction any more.
   */
  'shared.committed': Call<TransactionQuestion, {committed: boolean}>;
  /** Requests the message `shared.outcome`: the server's answer to a placed transaction. */
  'shared.outcome': Call<TransactionQuestion, {committed: boolean}>;
}

/** The calls of the undo stack that tabs share. The argument is the id of a turn. */
export interface UndoCalls {
  /** The time that the tab has waited for the turn, in ms; null from a host of an older build. */
  'undo.turn': Call<string, number | null>;
  'undo.end': Call<string, void>;
}

/** All calls that a tab can make to its host. */
export interface CallsToHost extends HostCalls, CollectionCalls, UndoCalls {}

/** The arguments of a call to the host, after its name. `null` can be left out. */
export type ArgsOfCall<Name extends keyof CallsToHost> =
  null extends CallsToHost[Name]['args'] ? [args?: CallsToHost[Name]['args']] : [args: CallsToHost[Name]['args']];

/** Calls the host. The name of the call decides the types of its arguments and result. */
export type CallHost = <Name extends keyof CallsToHost>(name: Name, ...args: ArgsOfCall<Name>) => Promise<CallsToHost[Name]['result']>;

/** The calls that a host makes to a tab. */
export interface TabCalls {
  'tab.ping': Call<null, null>;
  'tab.token': Call<null, string>;
  /** The facts that only the tab knows: its mode, build and visibility. */
  'tab.report': Call<null, Pick<TabEntry, 'mode' | 'build' | 'isVisible'>>;
}

/** What a host does for each call. It has to check the arguments: they come from another context. */
export type HostCallHandlers = {
  [Name in keyof HostCalls]: (args: unknown) => HostCalls[Name]['result'] | Promise<HostCalls[Name]['result']>;
};
