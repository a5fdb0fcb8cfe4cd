import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import type Backend from 'sharedb';
import type {Random} from '../support/random.js';

/** The present behaviour of the database of the hosts' server. */
export type DatabaseState = 'well' | 'away' | 'commits, and its answers are lost' | 'takes nothing';

/** The error of a database that is away: PostgreSQL's `admin_shutdown`. */
export const FAULT = {code: '57P01', message: 'The database is away'};

/** The error of adapters for missing ops. Most adapters give it no code. */
const MISSING = 'Missing ops';

// An op that was not sent yet can't be transformed over the missing ops.
const GONE = new Set(['ERR_TABS_HISTORY_GONE', 'ERR_TABS_OP_LOST', 'ERR_SUBMIT_TRANSFORM_OPS_NOT_FOUND', 'ERR_OP_VERSION_MISMATCH_DURING_TRANSFORM']);

/** Whether an op was given up because the server no longer has the ops since its version. */
export function isGone(error: unknown): boolean {
  const {code, message} = (error ?? {}) as {code?: string; message?: string};
  return GONE.has(code!) || !!message?.includes(MISSING);
}

export const isFault = (error: unknown): boolean => (error as {code?: unknown} | null | undefined)?.code === FAULT.code;

/** The content of ShareDB's memory database. */
interface Content {
  docs: object;
  ops: object;
}

type Callback = (error: unknown, result?: any) => void;

/** The part of a request's options that identifies its client. */
interface Options {
  agentCustom?: {isHost?: boolean};
}

const isOfHost = (options: unknown): boolean => !!(options as Options | null | undefined)?.agentCustom?.isHost;

/**
 * A database that sometimes fails, but only for the hosts. The remote clients show the right state: their server process always reaches the
 * database.
 */
export class SimulatedDatabase extends BasicQueryableMemoryDB {
  state: DatabaseState = 'well';
  /** Adapters differ if ops are missing: some fail, some return the ops that exist. */
  givesLaterOps = false;
  /** The first version whose op the hosts' server still has, by document. */
  private readonly kept = new Map<string, number>();
  /** The agents of hosts whose submissions have read: their request for ops does not identify its client. */
  private readonly ofHosts = new WeakSet<object>();

  /** A snapshot of a document. */
  snapshotOf(collection: string, id: string): object {
    const {v, type, data} = (this as unknown as {_getSnapshotSync(c: string, d: string): {v: number; type: string | null; data: unknown}})._getSnapshotSync(collection, id);
    return {v, type, data};
  }

  /** A database with the same content that then changes independently. */
  copy(): SimulatedDatabase {
    const {docs, ops} = this as unknown as Content;
    return Object.assign(new SimulatedDatabase(), structuredClone({docs, ops}));
  }

  /** Marks the requests of hosts that the database could not recognise. */
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

  /** Deletes the ops before a version. */
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
