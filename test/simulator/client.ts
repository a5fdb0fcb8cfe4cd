import {supportsPresence} from 'sharedb/lib/util.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import type {Random} from '../karma/random.js';
import type {Edits} from './edits.js';
import type {Ledger} from './ledger.js';
import type {Process} from './machine.js';
import {isFault, isGone} from './database.js';
import {COLLECTION, REJECT, TOO_LARGE} from './server.js';
import {losesHistory, type Circumstances} from './walk.js';

/** The document that comes and goes, beside those that stay. */
export const FLEETING = 'fleeting';
export const LASTING = ['one', 'two'] as const;
/** The one that hardly anybody has open. */
export const LONELY = 'lonely';
export const DOCUMENTS = [...LASTING, FLEETING, LONELY];
export const ROOM = 'room';
/** What takes an op back when its document is deleted, or created by others. */
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

/** Who edits, looks and shows: a tab, or a remote client with a connection of its own. */
export class Client {
  readonly subscribed = new Set<string>();
  query: Query | undefined;
  /** What others should see of it in the room. */
  shown: unknown = undefined;
  isInRoom = false;
  private isQueryReady = false;
  private room: {submit(value: unknown, callback?: (error?: Error) => void): void} | undefined;
  private place: {submit(value: unknown, callback?: (error?: Error) => void): void} | undefined;
  private readonly known = new Map<string, ProxyDoc>();
  /** Documents that are being closed: upstream wants nobody to touch them meanwhile. */
  private readonly closing = new Set<string>();
  private readonly paused = new Set<ProxyDoc>();
  /** Documents of which it was told that the server failed: what it shows of them may be old. */
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

  /** Of 100 ops, how many are made to be rejected. */
  private get rejections(): number {
    return this.walk.rejections ?? 0;
  }

  /** Else it has a plain connection of its own. */
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
      if (isFault(error) || (walk.faults && error.code === 'ERR_HARD_ROLLBACK_FETCH_FAILED')) return void this.failed.add(id);
      // Of an op that was given up before the server has answered to it.
      if (losesHistory(walk) && isGone(error)) return;
      // Upstream emits the server's refusal of an op that it has given up itself; and its own client comes to differ where a
      // creation of its own is refused while others create and delete.
      // A creation that a dead host has sent, and no disk knows of, is sent once more, and refused.
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

  /** Begins with a state that the server has given. */
  ingest(id: string, snapshot: object): void {
    this.doc(id).ingestSnapshot(snapshot as never, this.ledger.call(this.name, `ingest ${id}`));
  }

  /** Asks for what the server has failed with, as an app does at a button "try again". */
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

  /** Holds ops of a document back, or no longer. */
  pauseOrResume(id: string): void {
    if (this.closing.has(id)) return;
    const doc = this.doc(id);
    if (this.paused.delete(doc)) doc.resume();
    else {
      this.paused.add(doc);
      doc.pause();
    }
  }

  resumeAll(): void {
    for (const doc of this.paused) doc.resume();
    this.paused.clear();
  }

  fetch(id: string): void {
    if (this.closing.has(id)) return;
    this.doc(id).fetch(this.ledger.call(this.name, `fetch ${id}`));
  }

  /** Follows a document that is not open, or closes it. @param reopens at once, as a view does that is made anew */
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
    // Composed, a doomed op would take others of its own writer along. What is not composed leaves the tab together.
    doc.preventCompose = this.rejections > 0 || random.below(2) === 0;
    doc.submitOp(op, {source: name}, error => written.callbacks.push(error));
    doc.off('op', onOp);
    if (ownEvents !== 1) ledger.problem(`${name}: ${ownEvents} op events with its source for ${word}`);
    if (edits.count(doc.data, word) !== 1 || JSON.stringify(doc.data) === before) {
      ledger.problem(`${name}: ${word} is not in the data right after submitOp`);
    }
  }

  /** Creates the fleeting document, or deletes it now and then. @returns whether it did */
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
   * Shows others where it is: in a room, and in the first document if its type knows of places. That it is
   * called back is not asked for: upstream forgets the callback where a connection is lost.
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

  /** Asks for all documents once. */
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

  /** Asks for all documents, or lets go of the results. */
  switchQuery(): void {
    const {ledger, name} = this;
    if (!this.query) {
      const done = ledger.call(name, 'query');
      this.isQueryReady = this.hasQueryFailed = false;
      this.query = this.connection.createSubscribeQuery(COLLECTION, {}, null, (error: Error) => {
        this.isQueryReady = true;
        this.hasQueryFailed = isFault(error);
        done(error);
      }) as unknown as Query;
      this.query.on('error', (error: Error) => {
        if (isFault(error)) this.hasQueryFailed = true;
        else ledger.problem(`${name}, query: ${error.stack}`);
      });
      return;
    }
    // Upstream never calls back a query that is destroyed before it is answered.
    if (!this.isQueryReady) return;
    this.query.destroy(ledger.call(name, 'end of a query'));
    this.query = undefined;
  }
}
