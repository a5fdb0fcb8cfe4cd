import arrayDiff from 'arraydiff';
import {encodeError} from '../../protocol/errors.js';
import {item, keptIds, keptResults, resultsToKeep, shareUnknown, type QueryRequest, type SharedQueriesOwner} from './query-results.js';
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
  /** The results that it has and follows: those of the server, or those computed here. */
  results: readonly RealDoc[] | undefined;
  /** They are not the server's answer, but what is known without it. */
  isLocal: boolean;
  /** It waits for an answer. */
  waiting: boolean;
  /** The ids of the results that it had before it asked. */
  known: string[] | undefined;
  /** The JSON of the `extra` that it was told last. */
  extra?: string | undefined;
}

/** One real subscribed query, for all tabs that ask the same. */
export class SharedQuery implements LaggingQuery {
  private readonly real: RealQuery;
  private members: Member[] = [];
  private isFresh = false;
  private responding = false;
  /** The server did not continue the results, and their documents have been requested since. */
  private hasCaughtUp = false;
  /** The ids of the server's last results before it was lost, or before this host. */
  private earlier: string[];
  /** The documents that match without the server. */
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
      // The error of a reply goes to those who wait for it.
      if (!this.responding) this.sendToJoined(id => ({a: 'q', id, error: encodeError(error)}));
    });
  }

  get collection(): string {
    return this.request.c;
  }

  get ids(): string[] {
    return (this.real.results ?? []).map(({id}) => id);
  }

  /** @param showsValues with the values in the conditions */
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

  join(tab: Tab, {id, r}: QueryRequest): void {
    let member = this.members.find(member => member.tab === tab && member.id === id);
    if (!member) {
      member = {tab, id, results: undefined, isLocal: false, waiting: false, known: r?.map(([known]) => known)};
      this.members.push(member);
    }
    member.waiting = true;
    if (this.isFresh) return this.answer(member);
    const {state} = this.owner.connection;
    // While it connects for the first time, the server's answer is waited for.
    if (state !== 'connected' && (state !== 'connecting' || this.real.results)) this.answerLocally();
  }

  /** @param id of the tab's query; without it, all of the tab's */
  leave(tab: Tab, id?: number): void {
    const leaving = this.members.filter(member => member.tab === tab && (id === undefined || member.id === id));
    if (!leaving.length) return;
    this.members = this.members.filter(member => !leaving.includes(member));
    for (const {results = []} of leaving) for (const doc of results) this.owner.share(doc).leave(tab);
    if (this.members.length) return;
    this.onEnd();
    this.owner.faults.forgetRead(this.real);
    // The server forgets nothing that it has not got yet: an unsubscribe must not overtake the answer.
    if (this.isFresh || !this.real.sent || !this.owner.isConnected()) this.real.destroy();
  }

  onDisconnected(): void {
    this.isFresh = false;
    this.earlier = this.readEarlier();
    this.check?.cancel();
    this.answerLocally();
  }

  /** A document of the collection has changed here, and there is no answer of the server. */
  onLocalChange(): void {
    if (!this.isFresh && this.members.some(({isLocal}) => isLocal)) this.answerLocally();
  }

  // ---- without a server

  /** Answers without a server: from the documents that are here, or with the server's last answer. */
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

  /** Later changes arrive when the server is back. @returns whether there is an answer */
  private showLastAnswer(): boolean {
    const {results, extra} = this.real;
    if (results) {
      this.showLocally(results, extra);
      return true;
    }
    const kept = keptResults(this.owner, this.key);
    if (kept) this.showLocally(kept.docs.map(([c, d]) => this.owner.connection.get(c, d)), kept.extra);
    return !!kept;
  }

  /** The server can't read the results for now. @returns whether it is asked again, and the tabs are answered as without a server */
  private goOnWithout(error: Error): boolean {
    const {real, owner: {faults}} = this;
    if (!this.members.length || !this.showLastAnswer()) return false;
    real.sent = false;
    // Another connection asks of itself.
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
    return this.owner.local ? keptIds(this.owner, this.key, this.request.c) : [];
  }

  // ---- with it

  /** Looks for documents that are not results any more, but that the host would show again without the server. */
  private checkResults(): void {
    const {owner: {local}, request: {c, q}, matches, earlier, real: {results}} = this;
    if (!local) return;
    this.matches = undefined;
    this.earlier = [];
    this.check?.cancel();
    this.check = new ResultsCheck({collection: c, query: q, results: results ?? [], matches, earlier}, local).start();
  }

  private answer(member: Member): void {
    // A change before this answer's turn has a turn of its own.
    const results = [...(this.real.results ?? [])];
    const {extra} = this.real;
    this.inTurnOf(member, results, () => this.show(member, results, extra, false));
  }

  /** Tells a tab its results: all of them, or what differs from those that it has, as it would get it from the server. */
  private show(member: Member, docs: readonly RealDoc[], extra: unknown, isLocal: boolean): void {
    const {tab, id, waiting, results: before, known} = member;
    const local = isLocal ? {local: true} : {};
    // A tab that asks again after a reconnect has the results, and has had their changes.
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
      // Its changes have their type in their prototype, which does not travel.
      if (change.type !== 'insert') return {...change, type: change.type};
      const values = change.values.map(inserted => this.snapshotFor(tab, docs.find(doc => doc.id === inserted)!));
      return {type: change.type, index: change.index, values};
    });
  }

  private keep(): void {
    this.owner.keepResults(this.key, resultsToKeep(this.real.results ?? [], this.real.extra));
  }

  private snapshotFor(tab: Tab, doc: RealDoc): object {
    return item(doc, this.request.c, this.owner.share(doc).join(tab));
  }

  /** The server may have lost the ops since the versions of one of the documents, which has other ways on than the query has. */
  private catchUp(docs: RealDoc[]): void {
    const {real, owner: {connection}} = this;
    this.hasCaughtUp = true;
    let left = docs.length;
    const onAnswer = (): void => {
      if (--left) return;
      // Another connection asks of itself; and nobody may want to know any more.
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
      // No tab is told. Sharing the documents only for this would release them, and what the results refer to.
      if (!this.turns.length && !this.members.some(follows)) return;
      const results = [...(this.real.results ?? [])];
      this.inTurn(inserted, () => {
        for (const member of this.members) if (follows(member)) this.sendDiff(member, diff, removed, results);
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

/** Whether it gets the changes of the server's results as they come. */
const follows = ({results, isLocal}: Member): boolean => !!results && !isLocal;
