import type {Readable} from 'node:stream';
import Backend from 'sharedb';
import {Connection, logger} from 'sharedb/lib/client/index.js';
import type {Agenda, Subject} from './agenda.js';
import {SimulatedDatabase, isFault} from './database.js';
import {SimulatedSocket} from './simulated-socket.js';

export const COLLECTION = 'docs';
/** The server rejects ops that contain this text. */
export const REJECT = 'reject';
/** The limit of a server that has one: it rejects longer messages. In characters. */
export const TOO_LARGE = 5000;

// The server logs each rejected op with its stack, and clients log acknowledgements that overtake others. The walks cause both on purpose.
logger.setMethods({info: () => {}, warn: () => {}, error: (...details: unknown[]) => { if (!isExpected(details)) console.error(...details); }});

function isExpected(details: unknown[]): boolean {
  return details.some(detail => isFault(detail)) || /^(Hard rollback doc fetch failed|Error sanitizing op)/.test(String(details[0]));
}

/** The part of the server's view of a client that the judge reads. */
export interface Agent {
  closed: boolean;
  custom: {isHost?: boolean; user?: number};
  subscribedDocs: Record<string, Record<string, unknown>>;
  subscribedPresences: Record<string, unknown>;
  subscribedQueries: Record<string, unknown>;
}

/** A real ShareDB server. The walk decides when an op is done and when messages arrive. */
export class Server {
  database = new SimulatedDatabase();
  backend!: Backend;
  /** The databases before this one. */
  readonly former: SimulatedDatabase[] = [];
  /** The middleware of each server process, in addition to the common one. */
  private readonly habits: ((backend: Backend) => void)[] = [];
  private channels: readonly string[] = [];

  /** Whether it closes the connection of a host whose message is too large. */
  hasLimit = false;

  /** Whether it rejects the ops that are meant to be rejected. */
  isStrict = true;

  /** The user who has signed in: whoever connects now has this user's session cookie. */
  user = 1;

  /** The sources of ops that the server has received. */
  readonly sources: {source: unknown; op: object}[] = [];

  constructor(private readonly agenda: Agenda) {
    this.start();
  }

  /** Ends the server process. Another one begins with this database. */
  replaceDatabase(database: SimulatedDatabase): void {
    this.former.push(this.database);
    database.state = this.database.state;
    database.givesLaterOps = this.database.givesLaterOps;
    this.database = database;
    this.start();
  }

  private start(): void {
    this.backend = new Backend({db: this.database as never, presence: true});
    this.database.attach(this.backend);
    this.backend.use('submit', (context, next) => {
      const {extra} = context as unknown as {extra: {source?: unknown}};
      if (extra.source !== undefined) this.sources.push({source: extra.source, op: structuredClone(context.op) as object});
      const isRefused = this.isStrict && JSON.stringify(context.op).includes(REJECT);
      this.agenda.some('the server takes an op', () => next(isRefused ? Object.assign(new Error('Rejected'), {code: 'ERR_REJECTED'}) : undefined));
    });
    for (const take of this.habits) take(this.backend);
    this.listen();
  }

  /** Applies middleware to this server process and to later ones. */
  private takeUp(habit: (backend: Backend) => void): void {
    this.habits.push(habit);
    habit(this.backend);
  }

  /** Calls back with each op that a host has sent, and the user of its connection. */
  watchOps(look: (op: unknown, user: number) => void): void {
    this.takeUp(backend => backend.use('submit', ({op, agent}, next) => {
      const {isHost, user} = agent.custom as Agent['custom'];
      if (isHost) look(op, user!);
      next();
    }));
  }

  /** Reads of hosts wait, as with middleware that reads something itself. */
  beSlow(): void {
    const look = ({agent}: {agent: {custom?: Agent['custom']} | null}, next: () => void): void => {
      if (agent?.custom?.isHost) this.agenda.some('the server reads', () => next());
      else next();
    };
    this.takeUp(backend => {
      backend.use('readSnapshots', look as never);
      backend.use('query', look as never);
    });
  }

  /** Rejects the reads of hosts for which there is an error. */
  guardReads(errorFor: (id: string) => Error | undefined): void {
    this.takeUp(backend => backend.use('readSnapshots', (context, next) => {
      const {agent, snapshots, rejectSnapshotRead} = context as unknown as {
        agent: {custom?: Agent['custom']} | null; snapshots: {id: string}[]; rejectSnapshotRead(snapshot: object, error: Error): void;
      };
      for (const snapshot of agent?.custom?.isHost ? snapshots : []) {
        const error = errorFor(snapshot.id);
        if (error) rejectSnapshotRead.call(context, snapshot, error);
      }
      next();
    }));
  }

  /** Rejects the ops that hosts submit or read for which there is an error. ShareDB leaves out a published op that may not be read. */
  guardOps(submitErrorFor: (id: string) => Error | undefined, readErrorFor: (id: string, version: number) => Error | undefined): void {
    this.takeUp(backend => {
      backend.use('submit', ({agent, id}, next) => next((agent.custom as Agent['custom']).isHost ? submitErrorFor(id) : undefined));
      backend.use('op', ({agent, id, op}, next) => next((agent.custom as Agent['custom']).isHost ? readErrorFor(id, (op as {v: number}).v) : undefined));
    });
  }

  /** Adds a projection of a collection. */
  project(name: string, collection: string, fields: readonly string[]): void {
    this.takeUp(backend => backend.addProjection(name, collection, Object.fromEntries(fields.map(field => [field, true]))));
  }

  /** Hosts get neither a field of a collection's JSON documents nor the ops on it. */
  hideField(collection: string, field: string): void {
    this.takeUp(backend => {
      backend.use('readSnapshots', ({agent, collection: read, snapshots}, next) => {
        if (read === collection && (agent as {custom?: Agent['custom']} | null)?.custom?.isHost) {
          for (const snapshot of snapshots) {
            const {[field]: _hidden, ...rest} = (snapshot.data ?? {}) as Record<string, unknown>;
            if (snapshot.data) snapshot.data = rest;
          }
        }
        next();
      });
      backend.use('op', ({agent, collection: read, op}, next) => {
        const edit = op as {op?: {p: unknown[]}[]};
        if (read === collection && edit.op && (agent.custom as Agent['custom']).isHost) edit.op = edit.op.filter(({p}) => p[0] !== field);
        next();
      });
    });
  }

  /** Does not publish some ops: followers get them with the next op, or when they fetch. */
  losePublications(isLost: () => boolean): void {
    this.takeUp(backend => backend.use('commit', (context, next) => {
      Object.assign(context, {suppressPublish: isLost()});
      next();
    }));
  }

  /** Adds content to some ops. */
  addFixups(op: unknown, isWanted: () => boolean): void {
    this.takeUp(backend => backend.use('apply', (context, next) => {
      const {op: {op: submitted}, $fixup} = context as unknown as {op: {op?: unknown}; $fixup(op: unknown): void};
      if (submitted !== undefined && isWanted()) $fixup.call(context, structuredClone(op));
      next();
    }));
  }

  /**
   * Listens to some channels. ShareDB's pubsub loses a message if the last listener leaves while another one is coming (`PubSub.subscribe`
   * checks the subscription first and answers later). With this listener there is always one.
   */
  listenTo(channels: readonly string[]): void {
    this.channels = channels;
    this.listen();
  }

  private listen(): void {
    for (const channel of this.channels) {
      this.backend.pubsub.subscribe(channel, (_error, stream) => void (stream as Readable | undefined)?.resume());
    }
  }

  /**
   * Deletes a document's ops.
   * @param rest how many of the last ops are kept
   */
  trim(id: string, rest: number): void {
    const {docs} = this.database as unknown as {docs: Record<string, Record<string, {v: number} | undefined> | undefined>};
    this.database.trim(id, (docs[COLLECTION]?.[id]?.v ?? 0) - rest);
  }

  /** Makes a client's connection to the server. */
  line(subject: Subject, isHost = false): Line {
    return new Line(this, this.agenda, subject, isHost);
  }

  /** All ops of a document, from the first. */
  ops(collection: string, id: string): Promise<object[]> {
    return this.opsIn(this.database, collection, id);
  }

  /** All ops of a document in the databases before this one. */
  async formerOps(collection: string, id: string): Promise<object[]> {
    return (await Promise.all(this.former.map(database => this.opsIn(database, collection, id)))).flat();
  }

  private opsIn(database: SimulatedDatabase, collection: string, id: string): Promise<object[]> {
    return new Promise((resolve, reject) => {
      database.getOps(collection, id, 0, null, {}, (error: unknown, ops: object[]) => {
        if (error) reject(error as Error);
        else resolve(ops);
      });
    });
  }
}

/** The connection of a host to the server. */
export interface HostLine {
  readonly connection: InstanceType<typeof Connection>;
  /** The server's end of the present connection. */
  agent: Agent | undefined;
  /** Called when the server has closed the connection because of a message. */
  onRefused: () => void;
  /** @param chance decides whether a message under way to the server arrives */
  lose(chance: () => boolean): void;
  restore(): void;
  /** The client has died. */
  die(): void;
}

/** A client's connection over a network that can be lost and restored. */
export class Line implements HostLine {
  readonly connection: InstanceType<typeof Connection>;
  agent: Agent | undefined;
  /** Called when the server has closed the connection. The client opens it again later. */
  onRefused: () => void = () => {};
  private socket: SimulatedSocket;

  constructor(private readonly server: Server, private readonly agenda: Agenda, private readonly subject: Subject, private readonly isHost: boolean) {
    this.socket = this.newSocket();
    this.connection = new Connection(this.socket as never);
    this.open();
  }

  get isLost(): boolean {
    return this.socket.readyState === 3 && !this.socket.isGivenUp && this.connection.state === 'disconnected';
  }

  /** @param chance decides whether a message under way to the server arrives */
  lose(chance: () => boolean): void {
    this.socket.lose(chance());
  }

  restore(): void {
    if (!this.isLost) return;
    this.socket = this.newSocket();
    (this.connection as unknown as {bindToSocket(socket: object): void}).bindToSocket(this.socket);
    this.open();
  }

  /** The client has died. */
  die(): void {
    this.socket.die();
  }

  private newSocket(): SimulatedSocket {
    const hasLimit = this.isHost && this.server.hasLimit;
    return new SimulatedSocket(this.agenda, this.subject, hasLimit ? TOO_LARGE : Infinity, () => this.onRefused());
  }

  private open(): void {
    this.socket.readyState = 1;
    this.socket.onopen?.();
    this.agent = this.server.backend.listen(this.socket.stream as never) as unknown as Agent;
    this.agent.custom.isHost = this.isHost;
    this.agent.custom.user = this.server.user;
  }
}
