import {isLocal} from '../../protocol/local.js';
import type {Callback, RealDoc, ServerSnapshot, SubscribeRequest} from '../upstream.js';
import {isSameAsAsked, isSameContent, typeOf, type Asked, type Sent} from './server-snapshot.js';

export interface ServerStateCheckEvents {
  /** The server has another state than the document, and no op is pending. */
  onOtherState(snapshot: ServerSnapshot): void;
  /** The server refuses the document. */
  onRefusal(error: Error): void;
  /** Returns whether the error is temporary, so that a later request may succeed. */
  isTransient(error: Error): boolean;
  /** The server has no ops since the state that the pending ops were made on. */
  onHistoryGone(): void;
  /** Returns the document's data in the server's form. */
  data(): unknown;
  /** Runs the function later in this turn, together with those of other documents, so that their requests become one. */
  together(act: () => void): void;
}

/**
 * Checks that a document has the server's state. A stored state may be wrong: the server may have lost ops since, may have another
 * database, or may no longer permit the user to read the document. So the first request asks for the snapshot, as a page does when it
 * is loaded. If ops are pending, it asks for the ops since their version instead. If the server can't return those, the host also asks
 * for the snapshot.
 */
export class ServerStateCheck {
  /** Whether the state may differ from the server's, so that the next request asks for the snapshot. */
  private isUnchecked = false;
  /** Whether the server has not confirmed the state, for example a stored one. If the server refuses the document, the state is removed. */
  private isStored = false;
  /** The fetches in flight, in order. */
  private readonly fetches: Sent[] = [];
  private subscribe: Sent & {request: SubscribeRequest} | undefined;
  /** One above the highest version of an op that the server has sent. */
  private seen = 0;
  /** Whether the server has returned the ops since the document's version, or its state. */
  private isVerified = true;
  private answer: {asked: Asked | undefined} | undefined;
  /** Callbacks that wait for the end of a probe. */
  private probing: ((isLost: boolean) => void)[] = [];
  /** Whether a failed request was sent again after a probe. If it fails again, its caller gets the error. */
  private isLastTry = false;
  /** Whether the connection is new, and the server has not yet returned the ops since the document's version on it. */
  private isResumed = false;
  /** Whether the state will be compared when the server has answered all pending ops. */
  private isCheckPlanned = false;
  /** Whether the state was loaded over an earlier connection. */
  private isFromBefore = false;
  /** The last snapshot up to which ops were requested, whether {@link ask} got it, and whether the document equalled it at its version. */
  private upTo: {snapshot: ServerSnapshot; isAnswer: boolean; isSame?: boolean} | undefined;

  constructor(private readonly doc: RealDoc, private readonly upstream: RealDoc, private readonly events: ServerStateCheckEvents) {}

  /** Notes that the document has a stored state. */
  noteStoredState(): void {
    this.isStored = this.isUnchecked = this.doc.version !== null;
    this.isVerified = false;
  }

  /**
   * Treats a state that was loaded over an earlier connection like a stored one, because a page was loaded. Since then the server may have
   * started again with another database, which no op shows. A page that is loaded without this library would get the server's state, too.
   * @returns whether this has marked the state as unchecked, so that the next request asks for the snapshot
   */
  recheck(): boolean {
    const {version, collection, connection} = this.doc;
    if (!(this.isFromBefore || connection.state !== 'connected') || version === null || isLocal(collection)) return false;
    this.isFromBefore = false;
    this.isStored = this.isUnchecked = true;
    return true;
  }

  /** Compares the state with the server's when no op is pending, because the server has an op whose content is unknown to this host. */
  noteUnknownOp(): void {
    this.isUnchecked = true;
    this.checkLater();
  }

  /** Notes that the document has the server's state, or no state. */
  noteServerState(): void {
    this.isStored = this.isUnchecked = this.isFromBefore = false;
    this.isVerified = true;
    this.seen = 0;
  }

  /** Notes that the connection is new. The server may lack the ops since the document's version. */
  noteConnection(): void {
    this.isResumed = true;
    this.isFromBefore = this.doc.version !== null;
    this.isLastTry = false;
    this.endProbing(false);
  }

  private endProbing(isLost: boolean): void {
    const callbacks = this.probing;
    this.probing = [];
    for (const callback of callbacks) callback(isLost && this.doc.version !== null);
  }

  get isTrusted(): boolean {
    return !this.isUnchecked;
  }

  /** Whether a snapshot is requested. Ops are held back meanwhile, because they may have been made on a state that is not the server's. */
  get isAsking(): boolean {
    const {inflightFetch, inflightSubscribe} = this.doc;
    const byFetch = this.fetches.slice(0, inflightFetch.length).some(({asked}) => asked);
    return this.isUnchecked && (byFetch || (!!inflightSubscribe && this.subscribe?.request === inflightSubscribe && !!this.subscribe.asked));
  }

  /** Notes that the server has sent an op of version `v`. */
  noteOp(v: number): void {
    this.seen = Math.max(this.seen, v + 1);
    const {upTo, doc} = this;
    // The document is compared now, because the op will change its version.
    if (upTo?.snapshot.v === v && doc.version === v && !doc.hasWritePending()) upTo.isSame = this.shows(upTo.snapshot);
  }

  // ---- requests

  fetch(options: {force?: boolean}, callback?: Callback): void {
    const goal = this.seen;
    this.noteFetch(() => ({goal, asked: this.ask(() => this.upstream._fetch.call(this.doc, options, callback))}));
  }

  /** Asks for the ops since the document's version. @param options no `force` in a bulk request, which answers a document only once */
  private fetchOps(callback: Callback | undefined, sent: Sent, options: {force?: boolean}): void {
    this.noteFetch(() => {
      // Upstream would send the first waiting request instead.
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
    // Requests on an earlier connection are removed.
    this.fetches.length = Math.min(this.fetches.length, before);
    this.fetches[before] = sent;
  }

  flushSubscribe(): void {
    const before = this.doc.inflightSubscribe;
    const asked = this.ask(() => this.upstream._flushSubscribe.call(this.doc));
    const request = this.doc.inflightSubscribe;
    // An unsubscribe does not ask for a state, so ops do not wait for its answer.
    if (request && request !== before) this.subscribe = {request, asked: request.wantSubscribe ? asked : undefined, goal: this.seen};
  }

  /** Sends a request for the snapshot if the state is unchecked and no op is pending. Upstream asks for it if the version is null. */
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
    // Upstream's own requests after a reconnect have no callback, and would emit the error. The tabs repeat theirs, and get it as the answer.
    if (error && request && !request.callback) request.callback = () => {};
    const pass = (): void => {
      this.during(sent?.asked, () => this.upstream._handleSubscribe.call(doc, error, snapshot));
      // Upstream would send the requests that wait behind a refused subscription only on the next connection.
      if (error && doc.pendingSubscribe.length) doc._flushSubscribe();
    };
    if (!request?.wantSubscribe) return pass();
    this.handle(error ?? null, snapshot, sent?.asked, sent?.goal ?? 0, pass, () => {
      doc.inflightSubscribe = null;
      doc.pendingSubscribe.unshift(request);
      return () => doc._flushSubscribe();
    });
  }

  /** Handles the answer to a probe. Requests that wait are not answered by it, but sent again. */
  private endProbe(error: Error | null, snapshot?: ServerSnapshot): void {
    const {doc} = this;
    const waiting = doc.pendingFetch.splice(0);
    this.upstream._handleFetch.call(doc, error, snapshot);
    doc.pendingFetch.unshift(...waiting);
    if (waiting.length) this.events.together(() => this.resend());
  }

  /** Sends the waiting fetches as one request. */
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
      this.isVerified = true;
      this.isResumed = this.isLastTry = false;
      pass();
      this.checkLater();
      return;
    }
    if (!doc.hasWritePending()) {
      // The ops since are missing or may not be read. The snapshot shows which is the case.
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
      // A tab may have made another op since.
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
   * Finds out whether the server has lost the history of the pending ops. A request for these ops may fail for another reason, so the
   * failure counts only if it occurs again while the server can return the snapshot.
   */
  probe(callback: (isLost: boolean) => void): void {
    const {doc} = this;
    this.probing.push(callback);
    if (this.probing.length > 1) return;
    const {probing} = this;
    const end = (isLost: boolean): void => {
      // A new connection has ended this probe.
      if (this.probing !== probing) return;
      if (!isLost) this.isVerified = true;
      this.isResumed = false;
      this.endProbing(isLost);
    };
    const {version} = doc;
    doc.connection.fetchSnapshot(doc.collection, doc.id, null, (error, snapshot) => {
      if (error || doc.version === null) return end(false);
      // The version is the one at the request, because an acknowledgement may have increased it since.
      if (snapshot.v < version!) return end(true);
      if (snapshot.v <= doc.version || doc.version !== version) return end(false);
      const goal = snapshot.v;
      const isGone = (failure?: Error | null): boolean =>
        (failure ? !this.events.isTransient(failure) : doc.version !== null && doc.version < goal);
      this.fetchOps(failure => end(isGone(failure)), {goal: 0, isProbe: true}, {force: true});
    });
  }

  /**
   * Returns whether a refusal of an op may mean that the server has lost the op's history. Database adapters fail without a code if ops
   * are missing, and middleware that refuses may do the same. So the host checks it after a reconnect.
   */
  mayBeLost({code}: {code?: unknown}): boolean {
    return !this.isVerified || (this.isResumed && code === undefined);
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
   * Handles a snapshot of the server, which was requested or is a query's result.
   * @returns whether the snapshot was handled. If not, the caller passes it to upstream.
   */
  acceptSnapshot(snapshot: ServerSnapshot, callback?: Callback): boolean {
    const {doc} = this;
    const asked = this.answer?.asked;
    if (!this.isUnchecked || doc.version === null || typeof snapshot.v !== 'number') return false;
    if (doc.hasWritePending()) return this.acceptBelowPendingOps(snapshot, asked, callback);
    if (asked && doc.version !== asked.version && snapshot.v < doc.version) {
      // Ops have arrived since the request.
      if (isSameAsAsked(snapshot, asked)) this.noteServerState();
      else this.checkLater();
    } else if (!asked && snapshot.v < doc.version && this.isVerified) {
      return false;
    } else if (snapshot.v > doc.version) {
      this.fetchOpsUpTo(snapshot, !!asked, callback);
      return true;
    } else {
      const isSameState = snapshot.v === doc.version && this.shows(snapshot);
      this.noteServerState();
      if (!isSameState) this.events.onOtherState(snapshot);
    }
    callback?.();
    return true;
  }

  /**
   * Requests the ops up to a newer snapshot before the snapshot is used. Tabs of an earlier host may return at any time. They can continue
   * with these ops, but not with a computed step, which may contain changes that they already have.
   */
  private fetchOpsUpTo(snapshot: ServerSnapshot, isAnswer: boolean, callback?: Callback): void {
    this.upTo = {snapshot, isAnswer};
    this.events.together(() => this.fetchOps(callback, {goal: 0, upTo: snapshot}, {}));
  }

  /** Handles the server's answer to {@link fetchOpsUpTo}. */
  private handleOpsUpTo(snapshot: ServerSnapshot, error: Error | null): void {
    const {doc} = this;
    const isThere = !error && doc.version! >= snapshot.v;
    const isPast = isThere && doc.version! > snapshot.v;
    const {isAnswer = true, isSame = false} = this.upTo?.snapshot === snapshot ? this.upTo : {};
    if (!isThere && !isAnswer) {
      // A query's result from an earlier connection may belong to another database, so the snapshot is requested.
      doc.pendingFetch.unshift(doc.inflightFetch.shift());
      return this.events.together(() => this.resend());
    }
    if (doc.hasWritePending() || (isPast && !isSame)) {
      // The content can be compared only without pending ops, and with a snapshot of the document's version.
      if (isThere) this.checkLater();
      else this.events.onHistoryGone();
    } else {
      const isSameState = isPast || (isThere && this.shows(snapshot));
      this.noteServerState();
      if (!isSameState) this.events.onOtherState(snapshot);
    }
    this.upstream._handleFetch.call(doc, null);
  }

  /** Handles a snapshot while ops are pending. They were made after the request, and were held back. */
  private acceptBelowPendingOps(snapshot: ServerSnapshot, asked: Asked | undefined, callback?: Callback): boolean {
    const {version} = this.doc;
    if (!asked || snapshot.v > version!) return false;
    // Ops of the server have arrived since the request.
    if (version !== asked.version) this.checkLater();
    else if (isSameAsAsked(snapshot, asked)) this.noteServerState();
    else this.events.onHistoryGone();
    callback?.();
    return true;
  }

  /** Whether the document has the content of the snapshot. */
  private shows({type, data}: ServerSnapshot): boolean {
    return typeOf(type) === (this.doc.type ?? null) && isSameContent(this.doc.type, this.events.data(), data);
  }
}
