import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import type Backend from 'sharedb';
import type {Random} from '../karma/random.js';

/** What the database of the hosts' server does at the moment. */
export type DatabaseState = 'well' | 'away' | 'commits, and its answers are lost' | 'takes nothing';

/** What a database that is away fails with: PostgreSQL's `admin_shutdown`. */
export const FAULT = {code: '57P01', message: 'The database is away'};

/** What adapters fail with where ops are gone; most give it no code. */
const MISSING = 'Missing ops';

// What was not sent yet has nothing to be carried over.
const GONE = new Set(['ERR_TABS_HISTORY_GONE', 'ERR_TABS_OP_LOST', 'ERR_SUBMIT_TRANSFORM_OPS_NOT_FOUND', 'ERR_OP_VERSION_MISMATCH_DURING_TRANSFORM']);

/** Whether an op was given up because the server has lost what it was made on. */
export function isGone(error: unknown): boolean {
  const {code, message} = (error ?? {}) as {code?: string; message?: string};
  return GONE.has(code!) || !!message?.includes(MISSING);
}

export const isFault = (error: unknown): boolean => (error as {code?: unknown} | null | undefined)?.code === FAULT.code;

/** What upstream's database in memory consists of. */
interface Content {
  docs: object;
  ops: object;
}

type Callback = (error: unknown, result?: any) => void;

/** Of a request's options, what says whose it is. */
interface Options {
  agentCustom?: {isHost?: boolean};
}

const isOfHost = (options: unknown): boolean => !!(options as Options | null | undefined)?.agentCustom?.isHost;

/**
 * A database that fails now and then, for the hosts alone: the remote clients, who are the measure, are at another server
 * process, which reaches the database all the time.
 */
export class SimulatedDatabase extends BasicQueryableMemoryDB {
  state: DatabaseState = 'well';
  /** Adapters differ in what they do where ops are missing: fail, or give those that are there. */
  givesLaterOps = false;
  /** The first version of which the hosts' server has the op, by document. */
  private readonly kept = new Map<string, number>();
  /** What a host's submission has read: its request for ops does not say whose it is. */
  private readonly ofHosts = new WeakSet<object>();

  /** A document as it is now. */
  snapshotOf(collection: string, id: string): object {
    const {v, type, data} = (this as unknown as {_getSnapshotSync(c: string, d: string): {v: number; type: string | null; data: unknown}})._getSnapshotSync(collection, id);
    return {v, type, data};
  }

  /** A database with the same content, which goes its own way. */
  copy(): SimulatedDatabase {
    const {docs, ops} = this as unknown as Content;
    return Object.assign(new SimulatedDatabase(), structuredClone({docs, ops}));
  }

  /** Marks what a host asks for, where a request of the database would not tell. */
  attach(backend: Backend): void {
    backend.use('commit', (context, next) => {
      Object.assign(context, {options: {...(context as unknown as {options?: object}).options, agentCustom: context.agent.custom}});
      next();
    });
    const fail = (context: {agent: {custom?: object} | null}, next: (error?: unknown) => void): void => {
      next(this.failsAt('read', {agentCustom: context.agent?.custom ?? {}}));
    };
    backend.use('readSnapshots', fail as never);
    backend.use('query', fail as never);
  }

  private failsAt(what: 'read' | 'commit', options: unknown): object | undefined {
    const {state} = this;
    if (!isOfHost(options) || state === 'well' || (what === 'read' && state !== 'away')) return undefined;
    return {...FAULT};
  }

  override commit(collection: string, id: string, op: object, snapshot: object, options: unknown, callback: Callback): void {
    const fault = this.failsAt('commit', options);
    if (fault && this.state !== 'commits, and its answers are lost') return void setImmediate(() => callback(fault));
    super.commit(collection, id, op, snapshot, options, (error: unknown, succeeded?: boolean) => callback(error ?? fault, succeeded));
  }

  override getSnapshot(collection: string, id: string, fields: unknown, options: unknown, callback: Callback): void {
    const fault = this.failsAt('read', options);
    if (fault) return void setImmediate(() => callback(fault));
    super.getSnapshot(collection, id, fields, options, (error: unknown, snapshot?: object) => {
      if (snapshot && isOfHost(options)) this.ofHosts.add(snapshot);
      callback(error, snapshot);
    });
  }

  /** The ops before a version are deleted. */
  trim(id: string, version: number): void {
    this.kept.set(id, Math.max(version, this.kept.get(id) ?? 0));
  }

  override getOpsToSnapshot(collection: string, id: string, from: number, snapshot: unknown, options: object, callback: Callback): void {
    const isHost = this.ofHosts.has(snapshot as object);
    super.getOpsToSnapshot(collection, id, from, snapshot as never, {...options, ...(isHost && {agentCustom: {isHost}})}, callback);
  }

  override getOps(collection: string, id: string, from: number, to: number | null, options: unknown, callback: Callback): void {
    const fault = this.failsAt('read', options);
    if (fault) return void setImmediate(() => callback(fault));
    const kept = isOfHost(options) ? this.kept.get(id) ?? 0 : 0;
    super.getOps(collection, id, from, to, options, (error: unknown, ops?: object[]) => {
      if (error || from >= kept || !ops?.length) return callback(error, ops);
      if (this.givesLaterOps) return callback(null, ops.slice(kept - from));
      return callback(new Error(MISSING));
    });
  }
}

const FAULTS: DatabaseState[] = ['away', 'away', 'commits, and its answers are lost', 'takes nothing'];

export const someFault = (random: Random): DatabaseState => random.pick(FAULTS);
