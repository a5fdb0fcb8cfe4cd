import {isLocal} from '../../protocol/local.js';
import type {Callback, RealDoc, ServerSnapshot, SubscribeRequest} from '../upstream.js';
import {isSameAsAsked, isSameContent, typeOf, type Asked, type Sent} from './server-snapshot.js';

export interface ServerStateCheckEvents {
  /** The server has another state than the one that is shown, and no op waits for the server's answer. */
  onOtherState(snapshot: ServerSnapshot): void;
  /** The server refuses to give the document. */
  onRefusal(error: Error): void;
  /** Whether the error is a passing one: a later request may succeed. */
  isTransient(error: Error): boolean;
  /** No ops of the server lead from the state that the pending ops were made on to its own. */
  onHistoryGone(): void;
  /** The document's data as the server would give it. */
  data(): unknown;
  /** Runs the function later in this turn, together with those of other documents, so that their requests are sent as one. */
  together(act: () => void): void;
}

/**
 * Makes sure that a document has the server's state. A stored state may be wrong: the server may have lost ops since, may have another
 * database, or may no longer allow the document to be read. So the first request asks for the snapshot, as a page does when it is
 * loaded. If ops are pending, it asks for the ops since their version instead. If the server can't give those, the host asks for the
 * snapshot, too.
 */
export class ServerStateCheck {
  /** The state may differ from the server's: the next request asks for the snapshot. */
  private isUnchecked = false;
  /** The state comes from the store, and the server has not confirmed it. If the server refuses the document, the state is not shown. */
  private isStored = false;
  /** The fetches under way, in their order. */
  private readonly fetches: Sent[] = [];
  private subscribe: Sent & {request: SubscribeRequest} | undefined;
  /** One above the highest version of an op that the server has sent. */
  private seen = 0;
  /** The server has sent the ops since the version shown, or its state. */
  private isProven = true;
  private answer: {asked: Asked | undefined} | undefined;
  /** Callbacks that wait for the end of a probe. */
  private probing: ((isLost: boolean) => void)[] = [];
  /** A request has failed, and was put back until the probe had ended. If it fails again, its caller gets the error. */
  private isLastTry = false;
  /** The server has not sent the ops since the version shown on this connection. */
  private isResumed = false;
  /** The state will be compared when the server has answered all pending ops. */
  private isCheckPlanned = false;
  /** The state was loaded over an earlier connection. */
  private isFromBefore = false;
  /** The last snapshot that the host has requested ops up to, whether {@link ask} got it, and whether the document had its content at its version. */
  private upTo: {snapshot: ServerSnapshot; isAnswer: boolean; isSame?: boolean} | undefined;

  constructor(private readonly doc: RealDoc, private readonly upstream: RealDoc, private readonly events: ServerStateCheckEvents) {}

  /** The document shows a stored state. */
  distrust(): void {
    this.isStored = this.isUnchecked = this.doc.version !== null;
    this.isProven = false;
  }

  /**
   * A page has been loaded. The server may have started again with another database since this state was loaded, which no op shows:
   * the state is compared with the server's, as if it were a stored one. A page that is loaded would ask for the snapshot, too.
   * @returns whether the server is to be asked
   */
  recheck(): boolean {
    const {version, collection, connection} = this.doc;
    if (!(this.isFromBefore || connection.state !== 'connected') || version === null || isLocal(collection)) return false;
    this.isFromBefore = false;
    this.isStored = this.isUnchecked = true;
    return true;
  }

  /** The server has an op whose content is not known here. When no op is pending, the state is compared with the server's. */
  doubt(): void {
    this.isUnchecked = true;
    this.checkLater();
  }

  /** The document has the server's state from another source. */
  trust(): void {
    this.isStored = this.isUnchecked = this.isFromBefore = false;
    this.isProven = true;
    this.seen = 0;
  }

  /** The connection is a new one: it is not known yet whether the server can continue from the version shown. */
  noteConnection(): void {
    this.isResumed = true;
    this.isFromBefore = this.doc.version !== null;
    this.isLastTry = false;
    this.endProbing(false);
  }

  private endProbing(isLost: boolean): void {
    const callbacks = this.probing;
    this.probing = [];
    for (const tell of callbacks) tell(isLost && this.doc.version !== null);
  }

  get isTrusted(): boolean {
    return !this.isUnchecked;
  }

  /** Ops are held back: the answer may show that they were made on what is not the server's. */
  get isAsking(): boolean {
    const {inflightFetch, inflightSubscribe} = this.doc;
    const byFetch = this.fetches.slice(0, inflightFetch.length).some(({asked}) => asked);
    return this.isUnchecked && (byFetch || (!!inflightSubscribe && this.subscribe?.request === inflightSubscribe && !!this.subscribe.asked));
  }

  /** The server has sent an op. */
  noteOp(v: number): void {
    this.seen = Math.max(this.seen, v + 1);
    const {upTo, doc} = this;
    // This is the last moment at which the document has the version of the snapshot.
    if (upTo?.snapshot.v === v && doc.version === v && !doc.hasWritePending()) upTo.isSame = this.shows(upTo.snapshot);
  }

  // ---- requests

  fetch(options: {force?: boolean}, callback?: Callback): void {
    const goal = this.seen;
    this.noteFetch(() => ({goal, asked: this.ask(() => this.upstream._fetch.call(this.doc, options, callback))}));
  }

  /** Asks for the ops since the version shown. In a request for many, a document that is forced to ask twice is answered once. */
  private fetchOps(callback: Callback | undefined, sent: Sent, options: {force?: boolean}): void {
    this.noteFetch(() => {
      // Upstream would send the first of those that wait.
      const waiting = this.doc.pendingFetch.splice(0);
      this.upstream._fetch.call(this.doc, options, callback);
      this.doc.pendingFetch.unshift(...waiting);
      return sent;
    });
  }

  private noteFetch(send: () => Sent): void {
    const before = this.doc.inflightFetch.length;
    const sent = send();
    if (this.doc.inflightFetch.length === before) return;
    // Requests on a lost connection are forgotten.
    this.fetches.length = Math.min(this.fetches.length, before);
    this.fetches[before] = sent;
  }

  flushSubscribe(): void {
    const before = this.doc.inflightSubscribe;
    const asked = this.ask(() => this.upstream._flushSubscribe.call(this.doc));
    const request = this.doc.inflightSubscribe;
    // An unsubscription asks for no state, so ops do not wait for its answer.
    if (request && request !== before) this.subscribe = {request, asked: request.wantSubscribe ? asked : undefined, goal: this.seen};
  }

  /** Upstream asks for the snapshot where the version is null. */
  private ask(send: () => void): Asked | undefined {
    const {doc} = this;
    const {version} = doc;
    if (!this.isUnchecked || version === null || doc.hasWritePending()) {
      send();
      return undefined;
    }
    doc.version = null;
    try {
      send();
    } finally {
      doc.version = version;
    }
    return {version, type: doc.type, data: this.events.data()};
  }

  // ---- answers

  handleFetch(error: Error | null, snapshot?: ServerSnapshot): void {
    const {doc} = this;
    const {asked, goal, upTo, isProbe} = this.fetches.shift() ?? {goal: 0};
    if (isProbe) return this.endProbe(error, snapshot);
    if (upTo && doc.version !== null && !doc._isInHardRollback) return this.handleOpsUpTo(upTo, error);
    const pass = (): void => this.during(asked, () => this.upstream._handleFetch.call(doc, error, snapshot));
    this.handle(error, snapshot, asked, goal, pass, () => {
      doc.pendingFetch.unshift(doc.inflightFetch.shift());
      return () => this.resend();
    });
  }

  handleSubscribe(error?: Error | null, snapshot?: ServerSnapshot): void {
    const {doc} = this;
    const {inflightSubscribe: request} = doc;
    const sent = this.subscribe?.request === request ? this.subscribe : undefined;
    this.subscribe = undefined;
    // The tabs ask again themselves after a lost connection, and get the error as the answer.
    if (error && request && !request.callback) request.callback = () => {};
    const pass = (): void => {
      this.during(sent?.asked, () => this.upstream._handleSubscribe.call(doc, error, snapshot));
      // Upstream sends what waits behind a refused subscription only with the next connection.
      if (error && doc.pendingSubscribe.length) doc._flushSubscribe();
    };
    if (!request?.wantSubscribe) return pass();
    this.handle(error ?? null, snapshot, sent?.asked, sent?.goal ?? 0, pass, () => {
      doc.inflightSubscribe = null;
      doc.pendingSubscribe.unshift(request);
      return () => doc._flushSubscribe();
    });
  }

  /** Requests that wait for the end of the probe are not answered by it. */
  private endProbe(error: Error | null, snapshot?: ServerSnapshot): void {
    const {doc} = this;
    const waiting = doc.pendingFetch.splice(0);
    this.upstream._handleFetch.call(doc, error, snapshot);
    doc.pendingFetch.unshift(...waiting);
    if (waiting.length) this.events.together(() => this.resend());
  }

  /** A fetch that the queue holds goes out again, with all that wait. */
  private resend(): void {
    const {doc} = this;
    if (!doc.pendingFetch.length || doc.inflightFetch.length || !doc.connection.canSend) return;
    const callbacks = doc.pendingFetch.splice(0);
    doc._fetch({}, error => { for (const callback of callbacks) callback?.(error); });
  }

  private handle(
    error: Error | null, snapshot: ServerSnapshot | undefined, asked: Asked | undefined, goal: number, pass: () => void, putBack: () => () => void
  ): void {
    const {doc} = this;
    if (doc.version === null || doc._isInHardRollback) return pass();
    const isTransient = !!error && this.events.isTransient(error);
    if (asked) {
      if (error && this.isStored && !isTransient) this.events.onRefusal(error);
      pass();
      doc.flush();
      return;
    }
    if (isTransient) return pass();
    const isGap = !error && !snapshot && doc.version < goal;
    if (!error && !isGap) {
      this.isProven = true;
      this.isResumed = this.isLastTry = false;
      pass();
      this.checkLater();
      return;
    }
    if (!doc.hasWritePending()) {
      // The ops since are gone, or may not be read: the snapshot will tell.
      this.isUnchecked = true;
      return this.events.together(putBack());
    }
    if (this.isLastTry && !this.probing.length) {
      this.isLastTry = false;
      return pass();
    }
    this.isLastTry = true;
    const send = putBack();
    return this.probe(isLost => {
      if (isLost) this.events.onHistoryGone();
      this.events.together(send);
    });
  }

  /** Compares the state with the server's when the server has answered all pending ops. */
  private checkLater(): void {
    const {doc} = this;
    if (!this.isUnchecked || this.isCheckPlanned) return;
    const check = (): void => {
      if (!this.isUnchecked || doc.version === null || this.isAsking) return;
      // A tab has made another op since.
      if (doc.hasWritePending()) return this.checkLater();
      if (doc.connection.canSend) doc._fetch({}, () => {});
    };
    if (!doc.hasWritePending()) return this.events.together(check);
    this.isCheckPlanned = true;
    doc.once('no write pending', () => {
      this.isCheckPlanned = false;
      this.events.together(check);
    });
  }

  /**
   * Finds out whether the server can continue from the version of the pending ops, or has lost it. An error may be a passing one, so it
   * counts only if it occurs again while the server gives the snapshot.
   */
  probe(callback: (isLost: boolean) => void): void {
    const {doc} = this;
    this.probing.push(callback);
    if (this.probing.length > 1) return;
    const {probing} = this;
    const end = (isLost: boolean): void => {
      // Another connection has begun one of its own.
      if (this.probing !== probing) return;
      if (!isLost) this.isProven = true;
      this.isResumed = false;
      this.endProbing(isLost);
    };
    const {version} = doc;
    doc.connection.fetchSnapshot(doc.collection, doc.id, null, (error, snapshot) => {
      if (error || doc.version === null) return end(false);
      // An acknowledgement may have overtaken it.
      if (snapshot.v < version!) return end(true);
      if (snapshot.v <= doc.version || doc.version !== version) return end(false);
      const goal = snapshot.v;
      const isGone = (failure?: Error | null): boolean =>
        (failure ? !this.events.isTransient(failure) : doc.version !== null && doc.version < goal);
      this.fetchOps(failure => end(isGone(failure)), {goal: 0, isProbe: true}, {force: true});
    });
  }

  /**
   * Before an op is taken back: whether that may be because the server does not know what it was made on. Adapters fail without a
   * code where ops are gone, as middleware does that refuses: after a reconnect, the host looks.
   */
  mayBeLost({code}: {code?: unknown}): boolean {
    return !this.isProven || (this.isResumed && code === undefined);
  }

  private during(asked: Asked | undefined, act: () => void): void {
    const before = this.answer;
    this.answer = {asked};
    try {
      act();
    } finally {
      this.answer = before;
    }
  }

  /**
   * A snapshot of the server, by a request of the document or by a query's results.
   * @returns whether it is handled; if not, the caller passes it to upstream
   */
  acceptSnapshot(snapshot: ServerSnapshot, callback?: Callback): boolean {
    const {doc} = this;
    const asked = this.answer?.asked;
    if (!this.isUnchecked || doc.version === null || typeof snapshot.v !== 'number') return false;
    if (doc.hasWritePending()) return this.acceptBelowPendingOps(snapshot, asked, callback);
    if (asked && doc.version !== asked.version && snapshot.v < doc.version) {
      // Ops have overtaken it.
      if (isSameAsAsked(snapshot, asked)) this.trust();
      else this.checkLater();
    } else if (!asked && snapshot.v < doc.version && this.isProven) {
      return false;
    } else if (snapshot.v > doc.version) {
      this.fetchOpsUpTo(snapshot, !!asked, callback);
      return true;
    } else {
      const isSameState = snapshot.v === doc.version && this.shows(snapshot);
      this.trust();
      if (!isSameState) this.events.onOtherState(snapshot);
    }
    callback?.();
    return true;
  }

  /**
   * Requests the ops up to a newer snapshot before the snapshot is shown. Tabs of an earlier host may come back at any time. They can
   * continue by these ops, but not by a computed step that contains what they know already.
   */
  private fetchOpsUpTo(snapshot: ServerSnapshot, isAnswer: boolean, callback?: Callback): void {
    this.upTo = {snapshot, isAnswer};
    this.events.together(() => this.fetchOps(callback, {goal: 0, upTo: snapshot}, {}));
  }

  /** The server has answered {@link fetchOpsUpTo}. */
  private handleOpsUpTo(snapshot: ServerSnapshot, error: Error | null): void {
    const {doc} = this;
    const isThere = !error && doc.version! >= snapshot.v;
    const isPast = isThere && doc.version! > snapshot.v;
    const {isAnswer = true, isSame = false} = this.upTo?.snapshot === snapshot ? this.upTo : {};
    if (!isThere && !isAnswer) {
      // Results that a query has had over an earlier connection may be of another database: the snapshot is requested.
      doc.pendingFetch.unshift(doc.inflightFetch.shift());
      return this.events.together(() => this.resend());
    }
    if (doc.hasWritePending() || (isPast && !isSame)) {
      // The content can be compared only when the server has answered all pending ops, and with a snapshot that no ops have overtaken.
      if (isThere) this.checkLater();
      else this.events.onHistoryGone();
    } else {
      const isSameState = isPast || (isThere && this.shows(snapshot));
      this.trust();
      if (!isSameState) this.events.onOtherState(snapshot);
    }
    this.upstream._handleFetch.call(doc, null);
  }

  /** Accepts a snapshot while ops are pending. They were made after the request, and have been held back. */
  private acceptBelowPendingOps(snapshot: ServerSnapshot, asked: Asked | undefined, callback?: Callback): boolean {
    const {version} = this.doc;
    if (!asked || snapshot.v > version!) return false;
    // Ops of the server have overtaken the answer.
    if (version !== asked.version) this.checkLater();
    else if (isSameAsAsked(snapshot, asked)) this.trust();
    else this.events.onHistoryGone();
    callback?.();
    return true;
  }

  /** Whether the document has the content of the snapshot. */
  private shows({type, data}: ServerSnapshot): boolean {
    return typeOf(type) === (this.doc.type ?? null) && isSameContent(this.doc.type, this.events.data(), data);
  }
}
