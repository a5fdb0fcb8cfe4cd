import arrayDiff from 'arraydiff';
import {encodeError} from '../protocol/errors.js';
import {isKnownType} from './missing-type.js';
import type {SharedDoc} from './shared-doc.js';
import type {Tab} from './tab.js';
import type {QueryDiff, RealConnection, RealDoc, RealQuery} from './upstream.js';

export interface QueryRequest {
  id: number;
  c: string;
  q: unknown;
  o?: object;
  /** What the tab's query has as its results already: ids and versions. */
  r?: [id: string, version: number | null][];
}

export interface SharedQueriesOwner {
  connection: RealConnection;
  isConnected(): boolean;
  /** The shared document of a real one. */
  share: (doc: RealDoc) => SharedDoc;
  /** What a query's results were last, for when there is no server to ask. */
  keptResults(query: string): string | undefined;
  keepResults(query: string, results: string): void;
}

/** A query's results as they are kept: the documents have stores of their own. */
interface KeptResults {
  docs: [collection: string, id: string][];
  extra?: unknown;
}

/** The queries of all tabs: one real subscribed query for all that ask the same. */
export class SharedQueries {
  private readonly queries = new Map<string, SharedQuery>();

  constructor(private readonly owner: SharedQueriesOwner) {}

  get size(): number {
    return this.queries.size;
  }

  fetch(tab: Tab, {id, c, q, o}: QueryRequest): void {
    const {connection} = this.owner;
    const key = keyOf(c, q, o);
    // Without a server, the last results are the best there is.
    const isOnline = connection.state === 'connected' || connection.state === 'connecting';
    const kept = isOnline ? undefined : keptResults(this.owner, key);
    if (kept) return this.answerFromKept(tab, id, c, kept);
    const reply = tab.inThisSession((error: Error | null, results: RealDoc[], extra: unknown) => {
      if (error) return tab.send({a: 'qf', id, error: encodeError(error)});
      if (results) this.owner.keepResults(key, resultsToKeep(results, extra));
      whenSettled(results?.map(doc => this.owner.share(doc)) ?? [], tab.inThisSession(() => {
        const data = results?.map(doc => item(doc, c, this.owner.share(doc).bring(tab)));
        tab.send({a: 'qf', id, data, extra});
      }));
    });
    shareUnknown(connection.createFetchQuery(c, q, o ? {...o} : null, reply), this.owner);
  }

  private answerFromKept(tab: Tab, id: number, c: string, {docs, extra}: KeptResults): void {
    const real = docs.map(([collection, d]) => this.owner.connection.get(collection, d));
    whenSettled(real.map(doc => this.owner.share(doc)), tab.inThisSession(() => {
      tab.send({a: 'qf', id, data: real.map(doc => item(doc, c, this.owner.share(doc).bring(tab))), extra});
    }));
  }

  subscribe(tab: Tab, request: QueryRequest): void {
    const {c, q, o} = request;
    const key = keyOf(c, q, o);
    let query = this.queries.get(key);
    if (!query) {
      query = new SharedQuery(this.owner, key, request, () => this.queries.delete(key));
      this.queries.set(key, query);
    }
    query.join(tab, request);
  }

  unsubscribe(tab: Tab, id: number): void {
    for (const query of [...this.queries.values()]) query.leave(tab, id);
  }

  /** The tab's session ended. */
  detach(tab: Tab): void {
    for (const query of [...this.queries.values()]) query.leave(tab);
  }

  /** What was ready has to be made ready again by the server. */
  onDisconnected(): void {
    for (const query of this.queries.values()) query.onDisconnected();
  }
}

interface Member {
  tab: Tab;
  id: number;
  /** It has the results, and follows their changes. */
  joined: boolean;
  /** It waits for the server's answer. */
  waiting: boolean;
  /** The ids of the results that it had before it asked. */
  known: string[] | undefined;
  /** The ids that it was given without a server: what differs from them it gets as a change. */
  fromKept?: string[];
}

class SharedQuery {
  private readonly real: RealQuery;
  private members: Member[] = [];
  private isFresh = false;
  private responding = false;
  private inserted: RealDoc[] = [];
  private removed: RealDoc[] = [];
  private readonly turns: {left: number; act: () => void; shared: SharedDoc[]}[] = [];

  constructor(
    private readonly owner: SharedQueriesOwner,
    private readonly key: string,
    private readonly request: QueryRequest,
    private readonly onEnd: () => void
  ) {
    const {c, q, o} = request;
    this.real = owner.connection.createSubscribeQuery(c, q, o ? {...o} : null, () => {});
    this.relayResponses();
    this.relayDiffs();
    shareUnknown(this.real, owner);
    this.real.on('extra', (extra: unknown) => this.sendToJoined(id => ({a: 'q', id, extra})));
    this.real.on('error', (error: Error) => {
      // The error of a reply goes to those who wait for it.
      if (!this.responding) this.sendToJoined(id => ({a: 'q', id, error: encodeError(error)}));
    });
  }

  join(tab: Tab, {id, r}: QueryRequest): void {
    let member = this.members.find(member => member.tab === tab && member.id === id);
    if (!member) this.members.push((member = {tab, id, joined: false, waiting: false, known: r?.map(([known]) => known)}));
    const answerable = this.isFresh || (!this.owner.isConnected() && this.real.results !== null);
    if (answerable) return this.answer(member);
    member.waiting = true;
    const {state} = this.owner.connection;
    if (state !== 'connected' && state !== 'connecting') this.answerFromKept(member);
  }

  /** Without a server, the last results are the best there is. What has changed since comes when it is back. */
  answerFromKept(member: Member): void {
    const kept = this.kept;
    if (!kept || member.joined || member.fromKept) return;
    member.fromKept = kept.docs.map(([, id]) => id);
    const docs = kept.docs.map(([c, d]) => this.owner.connection.get(c, d));
    this.inTurnOf(member, docs, () => {
      const data = docs.map(doc => this.bring(member.tab, doc));
      member.tab.send({a: 'qs', id: member.id, data, extra: kept.extra});
    });
  }

  private get kept(): KeptResults | undefined {
    return keptResults(this.owner, this.key);
  }

  private keep(): void {
    this.owner.keepResults(this.key, resultsToKeep(this.real.results ?? [], this.real.extra));
  }

  /** @param id of the tab's query; without it, all of the tab's */
  leave(tab: Tab, id?: number): void {
    const leaving = this.members.filter(member => member.tab === tab && (id === undefined || member.id === id));
    if (!leaving.length) return;
    this.members = this.members.filter(member => !leaving.includes(member));
    for (const {joined} of leaving) {
      if (joined) for (const doc of this.real.results ?? []) this.owner.share(doc).leave(tab);
    }
    if (this.members.length) return;
    this.onEnd();
    // The server forgets nothing that it has not got yet: an unsubscribe must not overtake the answer.
    if (this.isFresh || !this.owner.isConnected()) this.real.destroy();
  }

  onDisconnected(): void {
    this.isFresh = false;
    if (this.real.results === null) for (const member of this.members) if (member.waiting) this.answerFromKept(member);
  }

  private answer(member: Member): void {
    member.waiting = false;
    // What changes them before it is this answer's turn has a turn of its own.
    const results = [...(this.real.results ?? [])];
    this.inTurnOf(member, results, () => {
      const {tab, id, joined} = member;
      // A tab that asks again after a reconnect has the results, and has had their changes.
      if (joined) return tab.send({a: 'qs', id});
      member.joined = true;
      const known = member.fromKept ?? member.known;
      if (known) return this.answerByDiff(member, known, results);
      tab.send({a: 'qs', id, data: results.map(doc => this.bring(tab, doc)), extra: this.real.extra});
    });
  }

  /** A tab that has results of an earlier time gets what has changed since, as it would from the server. */
  private answerByDiff({tab, id, fromKept}: Member, known: string[], docs: RealDoc[]): void {
    const diff = arrayDiff(known, docs.map(doc => doc.id)).map(change => {
      // Its changes have their type in their prototype, which does not travel.
      if (change.type !== 'insert') return {...change, type: change.type};
      const values = change.values.map(inserted => this.bring(tab, docs.find(doc => doc.id === inserted)!));
      return {type: change.type, index: change.index, values};
    });
    if (fromKept) this.leaveOthers(tab, fromKept, docs);
    else for (const doc of docs) if (known.includes(doc.id)) this.owner.share(doc).joinKnown(tab);
    if (this.real.extra !== undefined) tab.send({a: 'q', id, extra: this.real.extra});
    if (diff.length) tab.send({a: 'q', id, diff});
    tab.send({a: 'qs', id});
  }

  private leaveOthers(tab: Tab, ids: string[], docs: RealDoc[]): void {
    const left = new Set(docs.map(doc => doc.id));
    for (const id of ids) if (!left.has(id)) this.owner.share(this.owner.connection.get(this.request.c, id)).leave(tab);
  }

  private bring(tab: Tab, doc: RealDoc): object {
    return item(doc, this.request.c, this.owner.share(doc).join(tab));
  }

  private relayResponses(): void {
    const {real} = this;
    const upstream = real._finishResponse;
    real._finishResponse = (error, callback) => {
      this.responding = true;
      upstream.call(real, error, callback);
      this.responding = false;
      if (error) return this.fail(error);
      if (!this.members.length) return this.real.destroy();
      this.isFresh = true;
      this.keep();
      for (const member of this.members) if (member.waiting) this.answer(member);
    };
  }

  private fail(error: Error): void {
    const members = this.members;
    this.members = [];
    this.onEnd();
    for (const {tab, id} of members) tab.send({a: 'qs', id, error: encodeError(error)});
  }

  private relayDiffs(): void {
    const {real} = this;
    real.on('insert', (docs: RealDoc[]) => this.inserted.push(...docs));
    real.on('remove', (docs: RealDoc[]) => this.removed.push(...docs));
    const upstream = real._handleDiff;
    real._handleDiff = diff => {
      this.inserted = [];
      this.removed = [];
      upstream.call(real, diff);
      const {inserted, removed} = this;
      this.keep();
      this.inTurn(inserted, () => {
        for (const member of this.members) if (member.joined) this.sendDiff(member, diff, removed);
      });
    };
  }

  /**
   * Acts when what came before has been done, and the documents can be asked: one that is just being restored has nothing
   * yet that could be sent.
   */
  private inTurn(docs: RealDoc[], act: () => void): void {
    const shared = docs.map(doc => this.owner.share(doc));
    const turn = {left: docs.length, act, shared};
    this.turns.push(turn);
    for (const doc of shared) {
      doc.retain();
      doc.whenSettled(() => {
        turn.left--;
        this.runTurns();
      });
    }
    this.runTurns();
  }

  private runTurns(): void {
    while (this.turns[0]?.left === 0) {
      const {act, shared} = this.turns.shift()!;
      try {
        act();
      } finally {
        for (const doc of shared) doc.release();
      }
    }
  }

  /** The same for one of the tabs, unless its session has ended meanwhile: then it asks again. */
  private inTurnOf(member: Member, docs: RealDoc[], act: () => void): void {
    this.inTurn(docs, () => { if (this.members.includes(member)) act(); });
  }

  private sendDiff({tab, id}: Member, diff: QueryDiff[], removed: RealDoc[]): void {
    const sent = diff.map(change => change.type === 'insert'
      ? {...change, values: (change.values as RealDoc[]).map(doc => this.bring(tab, doc))}
      : change);
    tab.send({a: 'q', id, diff: sent});
    for (const doc of removed) this.owner.share(doc).leave(tab);
  }

  private sendToJoined(message: (id: number) => {a: string}): void {
    for (const {tab, id, joined} of this.members) if (joined) tab.send(message(id));
  }
}

const keyOf = (c: string, q: unknown, o: object | undefined): string => JSON.stringify([c, q, o ?? null]);

function resultsToKeep(results: readonly RealDoc[], extra: unknown): string {
  const kept: KeptResults = {docs: results.map(({collection, id}) => [collection, id]), extra};
  return JSON.stringify(kept);
}

function keptResults(owner: SharedQueriesOwner, key: string): KeptResults | undefined {
  try {
    const kept = JSON.parse(owner.keptResults(key) ?? 'null') as KeptResults | null;
    return kept && Array.isArray(kept.docs) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Calls back when all of the documents can be asked; none of them is let go of meanwhile. */
function whenSettled(docs: readonly SharedDoc[], act: () => void): void {
  let left = docs.length;
  if (!left) return act();
  for (const doc of docs) {
    doc.retain();
    doc.whenSettled(() => {
      if (--left) return;
      try {
        act();
      } finally {
        for (const each of docs) each.release();
      }
    });
  }
}

/** A result as the server sends it: the snapshot, with the document's id and, if it is another, collection. */
function item(doc: RealDoc, collection: string, snapshot: object): object {
  return {...snapshot, d: doc.id, c: doc.collection};
}

/** What is of an unknown type is shared before it comes: the real document alone would take it for one without a type. */
function shareUnknown(real: RealQuery, {connection, share}: SharedQueriesOwner): void {
  const upstream = real._ingestSnapshots;
  real._ingestSnapshots = (snapshots, finish) => {
    for (const {c = real.collection, d, type} of snapshots) if (!isKnownType(type)) share(connection.get(c, d));
    return upstream.call(real, snapshots, finish);
  };
}
