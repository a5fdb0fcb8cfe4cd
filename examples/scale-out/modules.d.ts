/** Packages of the example that come without types. */
declare module 'sharedb-postgres' {
  import type pg from 'pg';

  export type Callback<Value> = (error: (Error & {code?: string; constraint?: string}) | null | undefined, value?: Value) => void;

  export interface Op {
    src?: string;
    seq?: number;
    v?: number;
    op?: unknown;
    create?: {type: string; data: unknown};
    del?: true;
    m?: unknown;
  }

  export interface Snapshot {
    id: string;
    v: number;
    type: string | null;
    data: unknown;
    m: unknown;
  }

  export default class PostgresDB {
    constructor(options: pg.PoolConfig);
    protected readonly _pool: pg.Pool;
    commit(collection: string, id: string, op: Op, snapshot: Snapshot, options: unknown, callback: Callback<boolean>): void;
    getSnapshot(collection: string, id: string, fields: object | null, options: object | null, callback: Callback<Snapshot>): void;
    getSnapshotBulk(collection: string, ids: string[], fields: object | null, options: object | null, callback: Callback<Record<string, Snapshot>>): void;
    getOps(collection: string, id: string, from: number | null, to: number | null, options: object | null, callback: Callback<Op[]>): void;
    getCommittedOpVersion(collection: string, id: string, snapshot: Snapshot, op: Op, options: unknown, callback: Callback<number | undefined>): void;
    query(collection: string, query: any, fields: object | null, options: object | null, callback: Callback<Snapshot[]>): void;
    skipPoll(collection: string, id: string, op: Op, query: any): boolean;
    close(callback?: (error?: Error) => void): void;
  }
}

declare module 'sharedb-redis-pubsub' {
  import ShareDB from 'sharedb';
  import type {RedisClientType} from 'redis';

  type Done = (error?: Error | null) => void;

  export default class RedisPubSub extends ShareDB.PubSub {
    constructor(options: {client: RedisClientType<any, any, any, any, any>; observer: RedisClientType<any, any, any, any, any>});
    on(event: string, listener: (...args: any[]) => void): this;
    emit(event: string, ...args: any[]): boolean;
    readonly streamsCount: number;
    protected _subscribe(channel: string, done: Done): void;
    protected _unsubscribe(channel: string, done: Done): void;
    protected _publish(channels: string[], data: unknown, done: Done): void;
    protected _emit(channel: string, data: unknown): void;
    close(done?: Done): void;
  }
}
