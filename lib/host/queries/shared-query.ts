import arrayDiff from 'arraydiff';
import {encodeError} from '../../protocol/errors.js';
import {item, storedIds, readStoredResults, encodeResults, shareUnknown, type QueryRequest, type SharedQueriesOwner} from './query-results.js';
import type {QueryReport} from '../../protocol/report.js';
import {conditionsOf} from './query-conditions.js';
import type {QueriedDoc} from './local-queries.js';
import type {LaggingQuery} from './query-settling.js';
import {ResultsCheck} from './results-check.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';
import type {QueryDiff, RealDoc, RealQuery} from '../upstream.js';

interface Member {
  tab: Tab;
  id: number;
  /** The results that the tab has: the server's, or local ones. */
  results: readonly RealDoc[] | undefined;
  /** Whether the results are local and not the server's answer. */
  isLocal: boolean;
  /** Whether the tab awaits an answer. */
  waiting: boolean;
  /** The ids of the results that the tab had before its request. */
  known: string[] | undefined;
  /** The JSON of the last `extra` that was sent to the tab. */
  extra?: string | undefined;
}

/** One real subscribed query, for all tabs with the same query. */
export class SharedQuery implements LaggingQuery {
  private readonly real: RealQuery;
  private members: Member[] = [];
  private isFresh = false;
  private responding = false;
  /** Whether the results' documents were fetched after the server refused to continue the query. */
  private hasCaughtUp = false;
  /** The ids of the server's last results before the connection was lost, or from an earlier host. */
  private earlier: string[];
  /** The documents that matched in the last local results. */
  private matches: readonly QueriedDoc[] | undefined;
  private check: ResultsCheck | undefined;
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
    this.earlier = this.readEarlier();
    this.real = owner.connection.createSubscribeQuery(c, q, o ? {...o} : null, () => {});
    this.relayResponses();
    this.relayDiffs();
    shareUnknown(this.real, owner);
    this.real.on('extra', (extra: unknown) => {
      for (const member of this.members) if (follows(member)) member.extra = JSON.stringify(extra);
      this.sendToJoined(id => ({a: 'q', id, extra}));
    });
    this.real.on('error', (error: Error) => {
      // The error of a reply is sent only to the members that await the reply.
      if (!this.responding) this.sendToJoined(id => ({a: 'q', id, error: encodeError(error)}));
    });
  }

  get collection(): string {
    return this.request.c;
  }

  get ids(): string[] {
    return (this.real.results ?? []).map(({id}) => id);
  }

  /** @param showsValues whether to include the values of the conditions */
  inspect(showsValues: boolean): QueryReport {
    const {request: {c, q}, members, real: {results}} = this;
    return {
      collection: c, query: conditionsOf(q, showsValues), followers: [...new Set(members.map(({tab}) => tab.id as string))],
      results: results?.length ?? members.find(member => member.results)?.results?.length ?? null, isLocal: members.some(({isLocal}) => isLocal)
    };
  }

  fetch(): Promise<string[]> {
    const {c, q, o} = this.request;
    return new Promise((resolve, reject) => {
      const query = this.owner.connection.createFetchQuery(c, q, o ? {...o} : null, (error: Error | null, results: RealDoc[]) => {
        if (error) reject(error);
        else resolve(results.map(({id}) => id));
      });
      shareUnknown(query, this.owner);
    });
  }

  /** @param canServerAnswer whether the tab waits for the server's answer */
  join(tab: Tab, {id, r}: QueryRequest, canServerAnswer: boolean): void {
    let member = this.members.find(member => member.tab === tab && member.id === id);
    if (!member) {
      member = {tab, id, results: undefined, isLocal: false, waiting: false, known: r?.map(([known]) => known)};
      this.members.push(member);
    }
    member.waiting = true;
    if (this.isFresh) return this.answer(member);
    if (!canServerAnswer) this.answerLocally();
  }

  /** @param id the id of the tab's query; undefined for all queries of the tab */
  leave(tab: Tab, id?: number): void {
    const leaving = this.members.filter(member => member.tab === tab && (id === undefined || member.id === id));
    if (!leaving.length) return;
    this.members = this.members.filter(member => !leaving.includes(member));
    for (const {results = []} of leaving) for (const doc of results) this.owner.share(doc).leave(tab);
    if (this.members.length) return;
    this.onEnd();
    this.owner.faults.forgetRead(this.real);
    // The unsubscribe is not sent before the answer to the subscription: see `_finishResponse`, which then destroys the query.
    if (this.isFresh || !this.real.sent || !this.owner.isConnected()) this.real.destroy();
  }

  onDisconnected(): void {
    this.isFresh = false;
    this.earlier = this.readEarlier();
    this.check?.cancel();
    this.answerLocally();
  }

  /** Computes local results again, because a document of the collection has changed. */
  onLocalChange(): void {
    if (!this.isFresh && this.members.some(({isLocal}) => isLocal)) this.answerLocally();
  }

  // ---- while the server is unreachable

  /** Answers the tabs without the server: with results of the app's matcher, or with the server's last answer. */
  private answerLocally(): void {
    const {c, q} = this.request;
    const {local} = this.owner;
    if (!local) return void this.showLastAnswer();
    return local.whenRead(c, () => {
      if (this.isFresh || this.owner.isConnected() || !this.members.length) return;
      const answer = local.answer(c, q);
      this.matches = answer?.matches;
      if (answer) this.showLocally(answer.ids.map(id => this.owner.connection.get(c, id)), answer.extra);
      else this.showLastAnswer();
    });
  }

  /** Sends the server's last answer, if there is one. @returns whether there is one */
  private showLastAnswer(): boolean {
    const {results, extra} = this.real;
    if (results) {
      this.showLocally(results, extra);
      return true;
    }
    const stored = readStoredResults(this.owner, this.key);
    if (stored) this.showLocally(stored.docs.map(([c, d]) => this.owner.connection.get(c, d)), stored.extra);
    return !!stored;
  }

  /**
   * Handles a temporary error of the server: the tabs get the last answer, and the query is sent again later.
   * @returns whether this is possible
   */
  private goOnWithout(error: Error): boolean {
    const {real, owner: {faults}} = this;
    if (!this.members.length || !this.showLastAnswer()) return false;
    real.sent = false;
    // After a reconnect, upstream has sent the query already.
    faults.readAgain(real, error, () => { if (!real.sent) real.send(); });
    return true;
  }

  private showLocally(results: readonly RealDoc[], extra: unknown): void {
    const docs = [...results];
    for (const member of this.members) {
      this.inTurnOf(member, docs, () => { if (!this.isFresh) this.show(member, docs, extra, true); });
    }
  }

  private readEarlier(): string[] {
    return this.owner.local ? storedIds(this.owner, this.key, this.request.c) : [];
  }

  // ---- while the server is reachable

  /** Updates documents that are no longer results, but that the host would show again without the server: see {@link ResultsCheck}. */
  private checkResults(): void {
    const {owner: {local}, request: {c, q}, matches, earlier, real: {results}} = this;
    if (!local) return;
    this.matches = undefined;
    this.earlier = [];
    this.check?.cancel();
    this.check = new ResultsCheck({collection: c, query: q, results: results ?? [], matches, earlier}, local).start();
  }

  private answer(member: Member): void {
    // The results are copied, because a later change has a turn of its own.
    const results = [...(this.real.results ?? [])];
    const {extra} = this.real;
    this.inTurnOf(member, results, () => this.show(member, results, extra, false));
  }

  /** Sends a tab its results: all of them, or the difference to those that it has, in the server's form. */
  private show(member: Member, docs: readonly RealDoc[], extra: unknown, isLocal: boolean): void {
    const {tab, id, waiting, results: before, known} = member;
    const local = isLocal ? {local: true} : {};
    // A tab that repeats its request after a reconnect has the results, and has received their changes.
    const hasThem = before && !isLocal && !member.isLocal;
    member.waiting = false;
    const wasLocal = member.isLocal;
    member.isLocal = isLocal;
    if (hasThem) return tab.send({a: 'qs', id});
    member.results = docs;
    const hasExtra = extra !== undefined && (!isLocal || JSON.stringify(extra) !== member.extra);
    member.extra = JSON.stringify(extra);
    if (!before && !known) return tab.send({a: 'qs', id, data: docs.map(doc => this.snapshotFor(tab, doc)), extra, ...local});
    const diff = this.diff(tab, before?.map(doc => doc.id) ?? known!, docs);
    if (before) {
      const left = new Set(docs);
      for (const doc of before) if (!left.has(doc)) this.owner.share(doc).leave(tab);
    } else {
      for (const doc of docs) if (known!.includes(doc.id)) this.owner.share(doc).joinKnown(tab);
    }
    if (hasExtra) tab.send({a: 'q', id, extra, ...local});
    if (diff.length || wasLocal !== isLocal) tab.send({a: 'q', id, ...(diff.length && {diff}), ...local});
    if (waiting) tab.send({a: 'qs', id, ...local});
  }

  private diff(tab: Tab, before: readonly string[], docs: readonly RealDoc[]): object[] {
    return arrayDiff([...before], docs.map(doc => doc.id)).map(change => {
      // arraydiff has the type of a change in its prototype, which JSON does not include.
      if (change.type !== 'insert') return {...change, type: change.type};
      const values = change.values.map(inserted => this.snapshotFor(tab, docs.find(doc => doc.id === inserted)!));
      return {type: change.type, index: change.index, values};
    });
  }

  private keep(): void {
    this.owner.storeResults(this.key, encodeResults(this.real.results ?? [], this.real.extra));
  }

  private snapshotFor(tab: Tab, doc: RealDoc): object {
    return item(doc, this.request.c, this.owner.share(doc).join(tab));
  }

  /**
   * Fetches the results' documents, then sends the query again. The server may lack the ops since the version of one of them: a document can
   * continue from the snapshot in that case, a query can't.
   */
  private catchUp(docs: RealDoc[]): void {
    const {real, owner: {connection}} = this;
    this.hasCaughtUp = true;
    let left = docs.length;
    const onAnswer = (): void => {
      if (--left) return;
      // After a reconnect, upstream sends the query itself. The last member may have left.
      real.sent = false;
      if (this.members.length && connection.canSend) real.send();
    };
    connection.startBulk();
    for (const doc of docs) doc.fetch(onAnswer);
    connection.endBulk();
  }

  private relayResponses(): void {
    const {real, owner: {faults}} = this;
    const handle = real._handleSubscribe;
    real._handleSubscribe = (error, data, extra) => {
      if (error && faults.isTransient(error) && this.goOnWithout(error)) return;
      faults.forgetRead(real);
      if (error && real.results?.length && !this.hasCaughtUp) return this.catchUp(real.results);
      this.hasCaughtUp = false;
      handle.call(real, error, data, extra);
    };
    const upstream = real._finishResponse;
    real._finishResponse = (error, callback) => {
      this.responding = true;
      upstream.call(real, error, callback);
      this.responding = false;
      if (error) return this.fail(error);
      if (!this.members.length) return this.real.destroy();
      this.isFresh = true;
      this.keep();
      for (const member of this.members) if (member.waiting || member.isLocal) this.answer(member);
      this.checkResults();
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
      // No tab gets the diff. Opening the shared documents only for this would release them again, with documents that the results refer to.
      if (!this.turns.length && !this.members.some(follows)) return;
      const results = [...(this.real.results ?? [])];
      this.inTurn(inserted, () => {
        for (const member of this.members) if (follows(member)) this.sendDiff(member, diff, removed, results);
      });
    };
  }

  /**
   * Calls `act` after the earlier turns, when none of the documents is being restored or rolled back: such a document has no state that
   * could be sent.
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

  /** As `inTurn`, for one member. Does nothing if it has left meanwhile; if its session has ended, the tab repeats its request. */
  private inTurnOf(member: Member, docs: RealDoc[], act: () => void): void {
    this.inTurn(docs, () => { if (this.members.includes(member)) act(); });
  }

  private sendDiff(member: Member, diff: QueryDiff[], removed: RealDoc[], results: readonly RealDoc[]): void {
    const {tab, id} = member;
    member.results = results;
    const sent = diff.map(change => change.type === 'insert'
      ? {...change, values: (change.values as RealDoc[]).map(doc => this.snapshotFor(tab, doc))}
      : change);
    tab.send({a: 'q', id, diff: sent});
    for (const doc of removed) this.owner.share(doc).leave(tab);
  }

  private sendToJoined(message: (id: number) => {a: string}): void {
    for (const member of this.members) if (follows(member)) member.tab.send(message(member.id));
  }
}

/** Whether a member gets the changes of the server's results. */
const follows = ({results, isLocal}: Member): boolean => !!results && !isLocal;
