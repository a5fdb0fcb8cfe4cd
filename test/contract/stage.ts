import './types.js';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {turn} from '../waiting/node-turn.js';
import {CountingMemoryDB} from './counting-memory-db.js';
import type {Doc, Recording} from './recording.js';
import {asClient, type Client, type Subject} from './subjects.js';

export const COLLECTION = 'notes';

// Rejected ops are expected here; the server and ShareDB's clients would log them.
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Action = 'submit' | 'apply' | 'commit' | 'afterWrite' | 'readSnapshots' | 'query' | 'receive' | 'reply' | 'receivePresence';
interface Context {
  agent: unknown;
  op: {op?: unknown; create?: unknown; del?: boolean};
  [field: string]: any;
}

/** A server, a recorded client, and another client. */
export class ContractStage {
  readonly backend: Backend;
  readonly remote: Client;
  readonly connection: Client;
  private readonly subject: Subject;
  private readonly watched: Doc[] = [];
  private held: (() => void)[] = [];
  private isHolding = false;
  private arrival: (() => void) | undefined;

  constructor(
    open: (backend: Backend, warn: (message: string, detail: unknown) => void) => Subject,
    readonly recording: Recording,
    options: object = {}
  ) {
    this.backend = new Backend({db: new CountingMemoryDB(), presence: true, errorHandler: () => {}, ...options} as never);
    this.remote = asClient(this.backend.connect());
    this.subject = open(this.backend, (message, detail) => this.note('warned', message, detail));
    this.connection = this.subject.connection;
    this.connection.on('connected', () => recording.name(this.connection.id, 'me'));
    this.remote.on('connected', () => recording.name(this.remote.id, 'the remote client'));
    this.connection.on('error', error => this.note('connection error', error));
  }

  readonly note = (...what: unknown[]): void => this.recording.note(...what);
  /** Records what the remote client sees. */
  readonly noteElsewhere = (...what: unknown[]): void => this.recording.noteElsewhere(...what);
  readonly says = (label: string): ((...args: any[]) => void) => this.recording.says(label);

  /** A document of the recorded client. */
  readonly doc = (id = 'one', collection = COLLECTION): Doc => {
    const doc = this.connection.get(collection, id);
    if (this.watched.includes(doc)) return doc;
    this.watched.push(doc);
    return this.recording.doc(doc);
  };

  /** A document that the remote client has created and follows. */
  readonly remoteDoc = async (data: unknown, type?: string, id = 'one'): Promise<Doc> => {
    const doc = this.remote.get(COLLECTION, id);
    await new Promise<void>((resolve, reject) => {
      doc.create(data, type ?? null, (error?: Error) => (error ? reject(error) : doc.subscribe(() => resolve())));
    });
    return doc;
  };

  /** The same document on two connections: the recorded client's, which follows it, and the remote one's. */
  readonly followed = async (data: unknown, type?: string, id = 'one'): Promise<{doc: Doc; remote: Doc}> => {
    const remote = await this.remoteDoc(data, type, id);
    const doc = this.doc(id);
    doc.subscribe();
    await this.calm();
    return {doc, remote};
  };

  readonly use = (action: Action, middleware: (context: Context, next: (error?: unknown) => void) => void): void =>
    this.backend.use(action as 'submit', middleware as never);

  /** Makes the server refuse actions of the recorded client. */
  readonly refuse = (action: Action, error: object, which: (context: Context) => boolean = () => true): void =>
    this.use(action, (context, next) => next(this.isOurs(context) && which(context) ? error : undefined));

  /** Makes the server hold messages of the recorded client until `release`. `arrived` resolves when it holds one. */
  readonly hold = (action: Action = 'submit'): {arrived: Promise<void>} => {
    this.isHolding = true;
    const arrived = new Promise<void>(resolve => { this.arrival = resolve; });
    this.use(action, (context, next) => {
      if (!this.isHolding || !this.isOurs(context)) return next();
      this.held.push(next);
      this.arrival?.();
    });
    return {arrived};
  };

  readonly release = (): void => {
    this.isHolding = false;
    const held = this.held;
    this.held = [];
    for (const next of held) next();
  };

  readonly away = async (): Promise<void> => {
    this.subject.away();
    await this.calm();
  };

  readonly back = async (): Promise<void> => {
    this.subject.back();
    await this.calm();
  };

  /** Restores the network; the server answers the requests before it handles the ops. */
  readonly backSlowly = async (): Promise<void> => {
    this.hold();
    await this.back();
    this.release();
    await this.calm();
  };

  /** Waits until nothing more is recorded, for many turns of the event loop. */
  readonly calm = async (): Promise<void> => {
    const {lines} = this.recording;
    await connected(this.connection);
    for (let quiet = 0, count = lines.length; quiet < 60; quiet++) {
      await turn();
      if (lines.length !== count) quiet = 0;
      count = lines.length;
    }
  };

  readonly connected = async (): Promise<void> => {
    await connected(this.remote);
    await this.calm();
  };

  /** Records the final state, here and at the server. */
  async conclude(): Promise<void> {
    await this.calm();
    this.note('in the end', this.connection.state, this.connection.hasPending() ? 'pending' : 'nothing pending');
    for (const {collection, id} of this.watched) {
      const ops = await this.ask<{op?: unknown; create?: unknown; del?: true}[]>(done =>
        this.backend.db.getOps(collection, id, 0, null, {}, done));
      const written = ops.map(({op, create, del}) => create ?? op ?? (del ? 'del' : 'nothing'));
      this.note('the server has of', id, ...written.map(op => JSON.stringify(op)));
    }
  }

  close(): void {
    this.subject.close();
    this.remote.close();
    this.backend.close();
  }

  private ask<T>(start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      start((error, value) => (error ? reject(error) : resolve(value)));
    });
  }

  private isOurs({agent}: Context): boolean {
    return agent !== this.remote.agent;
  }
}

async function connected(connection: Client): Promise<void> {
  if (connection.state === 'connecting') await new Promise(resolve => connection.once('connected', resolve));
}
