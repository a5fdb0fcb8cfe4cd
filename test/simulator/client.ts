import {supportsPresence} from 'sharedb/lib/util.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import type {Random} from '../support/random.js';
import type {Edits} from './edits.js';
import type {Ledger} from './ledger.js';
import type {Process} from './machine.js';
import {isFault as isOfDatabase, isGone} from './database.js';
import {isForbidden} from './revocations.js';
import {COLLECTION, REJECT, TOO_LARGE} from './server.js';
import {losesHistory, mayBeForbidden, type Circumstances} from './walk.js';

/** Whether the server has failed to answer a request, or has refused it. */
const isFault = (error: unknown): boolean => isOfDatabase(error) || isForbidden(error);

/** A document that is created and deleted during the walk. The others stay. */
export const FLEETING = 'fleeting';
export const LASTING = ['one', 'two'] as const;
/** A document that only few clients open. */
export const LONELY = 'lonely';
export const DOCUMENTS = [...LASTING, FLEETING, LONELY];
export const ROOM = 'room';
/** The codes of ops that are taken back because their document was deleted, or created by another client. */
export const CONFLICTS = new Set(['ERR_DOC_WAS_DELETED', 'ERR_DOC_ALREADY_CREATED', 'ERR_DOC_DOES_NOT_EXIST', 'ERR_NO_OP']);

export interface Presence {
  subscribe(callback: (error?: Error) => void): void;
  create(id: string): {submit(value: unknown, callback?: (error?: Error) => void): void};
  remotePresences: Record<string, unknown>;
  on(event: string, listener: (...args: never[]) => void): void;
}

interface Query {
  results: {id: string}[];
  destroy(callback: (error?: Error) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
}

/** A client that edits, reads and shows presence: a tab, or a remote client with its own connection. */
export class Client {
  readonly subscribed = new Set<string>();
  query: Query | undefined;
  /** The presence that others should see in the channel. */
  shown: unknown = undefined;
  isInRoom = false;
  private isQueryReady = false;
  private room: {submit(value: unknown, callback?: (error?: Error) => void): void} | undefined;
  private place: {submit(value: unknown, callback?: (error?: Error) => void): void} | undefined;
  private readonly known = new Map<string, ProxyDoc>();
  /** Documents that are being closed: ShareDB allows no calls on them meanwhile. */
  private readonly closing = new Set<string>();
  private readonly paused = new Set<ProxyDoc>();
  /** Documents whose reads have failed at the server: this client may show an old state of them. */
  private readonly failed = new Set<string>();
  private hasQueryFailed = false;

  constructor(
    readonly name: string,
    readonly process: Process,
    readonly connection: ProxyConnection,
    private readonly edits: Edits,
    private readonly ledger: Ledger,
    private readonly walk: Circumstances
  ) {}

  /** The percentage of ops that the server is meant to reject. */
  private get rejections(): number {
    return this.walk.rejections ?? 0;
  }

  /** False for a client with a plain connection of its own. */
  get isTab(): boolean {
    return this.connection instanceof ProxyConnection;
  }

  get isRunning(): boolean {
    return this.process.state === 'running';
  }

  doc(id: string): ProxyDoc {
    let doc = this.known.get(id);
    if (doc) return doc;
    doc = this.connection.get(COLLECTION, id);
    this.known.set(id, doc);
    if (this.walk.sources) doc.submitSource = true;
    const {ledger, name, walk} = this;
    doc.on('error', (error: Error & {code?: string}) => {
      if (isFault(error) || ((walk.faults || mayBeForbidden(walk)) && error.code === 'ERR_HARD_ROLLBACK_FETCH_FAILED')) return void this.failed.add(id);
      // The error of an op that was given up before the server answered it.
      if (losesHistory(walk) && isGone(error)) return;
      // An op on another database may be one that can't be applied there.
      if (walk.nested && error.code === 'ERR_OT_OP_NOT_APPLIED') return;
      // ShareDB's client emits the refusal of an op that it has already given up. It also differs from the server if its own creation is
      // refused while others create and delete. A creation that a dead host has sent, and that is on no disk, is sent again and refused.
      const isContested = ledger.contested.has(id) || ledger.hasWarned;
      const isUpstreams = id === FLEETING && (this.isTab ? isContested && CONFLICTS.has(error.code!) : isContested || CONFLICTS.has(error.code!));
      if (!isUpstreams) ledger.problem(`${name}, ${id}: ${error.stack}`);
    });
    doc.on('op', (op: unknown, source: unknown) => {
      if (source !== name) ledger.show(name, op);
      if (source !== false && source !== name) ledger.problem(`${name} hears of an op with source ${String(source)}`);
    });
    let loads = 0;
    doc.on('load', () => {
      ledger.show(name, doc.data);
      if (++loads > 1) ledger.replaced.add(id);
    });
    return doc;
  }

  get docs(): ProxyDoc[] {
    return [...this.known.values()];
  }

  subscribe(id: string): void {
    if (this.closing.has(id)) return;
    this.subscribed.add(id);
    const done = this.ledger.call(this.name, `subscribe ${id}`);
    this.doc(id).subscribe(error => {
      done(error as Error);
      if (isFault(error)) this.failed.add(id);
      else this.failed.delete(id);
    });
  }

  /** Begins with a state that the server has put into the page. */
  ingest(id: string, snapshot: object): void {
    this.doc(id).ingestSnapshot(snapshot as never, this.ledger.call(this.name, `ingest ${id}`));
  }

  /** Whether the app was told that the server does not give the document. */
  isRefused(id: string): boolean {
    return this.failed.has(id);
  }

  /** Requests failed documents again, as an app does with a "try again" button. */
  askAgain(): void {
    for (const id of [...this.failed]) if (this.subscribed.has(id)) this.subscribe(id);
    if (!this.hasQueryFailed) return;
    this.switchQuery();
    this.switchQuery();
  }

  unsubscribe(id: string): void {
    if (this.closing.has(id)) return;
    this.subscribed.delete(id);
    this.doc(id).unsubscribe(this.ledger.call(this.name, `unsubscribe ${id}`));
  }

  /** Pauses a document, or ends its pause. */
  pauseOrResume(id: string): void {
    if (this.closing.has(id)) return;
    const doc = this.doc(id);
    if (this.paused.delete(doc)) doc.resume();
    else this.holdBack(id);
  }

  holdBack(id: string): void {
    if (this.closing.has(id)) return;
    const doc = this.doc(id);
    this.paused.add(doc);
    doc.pause();
  }

  resumeAll(): void {
    for (const doc of this.paused) doc.resume();
    this.paused.clear();
  }

  fetch(id: string): void {
    if (this.closing.has(id)) return;
    this.doc(id).fetch(this.ledger.call(this.name, `fetch ${id}`));
  }

  /**
   * Follows a document that is not open, or closes it.
   * @param reopens opens it again at once, as a view that is made anew does
   */
  openOrClose(id: string, reopens: boolean): void {
    const doc = this.known.get(id);
    if (!doc) return this.subscribe(id);
    if (this.closing.has(id)) return;
    this.subscribed.delete(id);
    this.failed.delete(id);
    this.closing.add(id);
    const done = this.ledger.call(this.name, `closing ${id}`);
    doc.destroy(error => {
      done(error as Error);
      this.closing.delete(id);
      this.known.delete(id);
      if (reopens) this.subscribe(id);
    });
  }

  /** Adds a word to a document. */
  write(id: string, random: Random, mayBeRejected: boolean): void {
    if (this.closing.has(id)) return;
    const {edits, ledger, name} = this;
    const doc = this.doc(id);
    if (!doc.type) return;
    const doomed = mayBeRejected && random.below(100) < this.rejections;
    const written = ledger.write(id, name, doomed, this.walk.tooLarge ? REJECT.repeat(TOO_LARGE / REJECT.length + 1) : REJECT);
    const {word} = written;
    const op = edits.next(doc.data, random, word);
    const before = JSON.stringify(doc.data);
    let ownEvents = 0;
    const onOp = (_op: unknown, source: unknown): void => { if (source === name) ownEvents++; };
    doc.on('op', onOp);
    // If an op that is meant to be rejected is composed with others, they are rejected with it. Ops that are not composed leave the tab
    // together.
    doc.preventCompose = this.rejections > 0 || random.below(2) === 0;
    doc.submitOp(op, {source: name}, error => written.callbacks.push(error));
    doc.off('op', onOp);
    if (ownEvents !== 1) ledger.problem(`${name}: ${ownEvents} op events with its source for ${word}`);
    if (edits.count(doc.data, word) !== 1 || JSON.stringify(doc.data) === before) {
      ledger.problem(`${name}: ${word} is not in the data right after submitOp`);
    }
  }

  /**
   * Creates the fleeting document, or sometimes deletes it.
   * @returns whether it did
   */
  createOrDelete(random: Random): boolean {
    if (this.closing.has(FLEETING)) return false;
    const {edits, ledger, name} = this;
    const doc = this.doc(FLEETING);
    if (doc.version === null || (doc.type && random.below(3))) return false;
    if (!this.isTab) ledger.contested.add(FLEETING);
    if (doc.type) doc.del({source: name}, ledger.call(name, 'del'));
    else doc.create(structuredClone(edits.start), edits.type, {source: name}, ledger.call(name, 'create'));
    return true;
  }

  /**
   * Shows a presence in a channel, and in the first document if its type has positions. The callback is not checked: ShareDB drops it if
   * a connection is lost.
   */
  move(random: Random): void {
    const value = random.below(4) ? random.below(1000) : null;
    const room = this.presence(ROOM);
    if (!this.isInRoom) room.subscribe(this.ledger.call(this.name, 'subscribe to the room'));
    this.isInRoom = true;
    this.shown = value;
    this.room ??= room.create(this.name);
    this.room.submit(value, () => {});
    const doc = this.doc(LASTING[0]);
    if (!doc.type || !supportsPresence(doc.type)) return;
    const places = (this.connection as unknown as {getDocPresence(c: string, d: string): Presence}).getDocPresence(COLLECTION, LASTING[0]);
    if (!this.place) {
      places.on('error', () => {});
      places.subscribe(this.ledger.call(this.name, 'subscribe to the places'));
      this.place = places.create(this.name);
    }
    this.place.submit(value === null ? null : {index: 0, length: 0}, () => {});
  }

  presence(channel: string): Presence {
    return (this.connection as unknown as {getPresence(channel: string): Presence}).getPresence(channel);
  }

  /** Fetches all documents with a query. */
  fetchQuery(): void {
    const {ledger, name} = this;
    const done = ledger.call(name, 'a fetch query');
    this.connection.createFetchQuery(COLLECTION, {}, null, (error: Error | null | undefined, results: {id: string}[] | undefined) => {
      done(error);
      if (error) return;
      const missing = [...LASTING, LONELY].filter(id => !results?.some(doc => doc.id === id));
      if (missing.length) ledger.problem(`${name} does not find ${missing.join()}`);
    });
  }

  /** Subscribes to a query for all documents, or destroys it. */
  switchQuery(): void {
    const {ledger, name, walk} = this;
    if (!this.query) {
      const done = ledger.call(name, 'query');
      this.isQueryReady = this.hasQueryFailed = false;
      this.query = this.connection.createSubscribeQuery(COLLECTION, {}, null, (error: Error) => {
        this.isQueryReady = true;
        this.hasQueryFailed = isFault(error);
        done(error);
      }) as unknown as Query;
      this.query.on('error', (error: Error) => {
        // ShareDB's client takes the refusal of a document, which a server puts among a query's snapshots, for a snapshot.
        if (isFault(error) || (walk.permissions && (error as {code?: string}).code === 'ERR_INGESTED_SNAPSHOT_HAS_NO_VERSION')) this.hasQueryFailed = true;
        else ledger.problem(`${name}, query: ${error.stack}`);
      });
      return;
    }
    // ShareDB never calls the callback of a query that is destroyed before the answer.
    if (!this.isQueryReady) return;
    this.query.destroy(ledger.call(name, 'end of a query'));
    this.query = undefined;
  }
}
