import {isLocal} from '../../protocol/local.js';
import type {Callback, RealDoc, ServerSnapshot, SubscribeRequest} from '../upstream.js';
import {isSameAsAsked, isSameContent, typeOf, type Asked, type Sent} from './server-snapshot.js';

export interface ServerStateEvents {
  /** The server has another state than the one that is shown, and nothing is unsent. */
  onOtherState(snapshot: ServerSnapshot): void;
  /** The server does not let us have the document. */
  onRefusal(error: Error): void;
  /** Whether the server only could not answer for now. */
  isTransient(error: Error): boolean;
  /** No ops of the server lead from the state that the unsent ops were made on to its own. */
  onNoWay(): void;
  /** The document's data as the server would give it. */
  data(): unknown;
  /** Runs what is done for many documents in one go, later in this turn. */
  together(act: () => void): void;
}

/**
 * Makes sure that a document is what the server says. A stored state is a guess: the server may have lost the ops since, have
 * another database, or not allow it to be read any more. So the first request asks for the snapshot, as a page does that is
 * loaded. Unsent ops need the ops since their version instead. If the server can't give them, the host also asks for the snapshot.
 */
export class ServerState {
  /** The state is a stored one, or one that no op leads on from: the next request asks for the snapshot. */
  private isUnchecked = false;
  /** The server has never said anything of the state: if it does not give its own, this one is not to be shown. */
  private isStored = false;
  /** The fetches under way, in their order. */
  private readonly fetches: Sent[] = [];
  private subscribe: Sent & {request: SubscribeRequest} | undefined;
  /** One above the highest version of an op that the server has told of. */
  private seen = 0;
  /** The server has sent the ops since the version shown, or its state. */
  private isProven = true;
  private answer: {asked: Asked | undefined} | undefined;
  /** Callbacks that wait for the end of a probe. */
  private probing: ((isLost: boolean) => void)[] = [];
  /** A request has failed, and was put back until the probe had ended: if it fails again, who asks is told. */
  private isLastTry = false;
  /** The server has not sent the ops since the version shown on this connection. */
  private isResumed = false;
  /** When all unsent ops have been answered to, the state is compared. */
  private isCheckPlanned = false;
  /** The state was loaded over an earlier connection. */
  private isFromBefore = false;
  /** The last snapshot that ops were asked for to reach, and whether the document had its content at its version. */
  private bridged: {snapshot: ServerSnapshot; isSame?: boolean} | undefined;

  constructor(private readonly doc: RealDoc, private readonly upstream: RealDoc, private readonly events: ServerStateEvents) {}

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

  /** The server has an op whose content is not known here: when nothing is unsent, the state is compared with the server's. */
  doubt(): void {
    this.isUnchecked = true;
    this.checkLater();
  }

  /** The state is the server's by other means. */
  trust(): void {
    this.isStored = this.isUnchecked = this.isFromBefore = false;
    this.isProven = true;
    this.seen = 0;
  }

  /** Another connection: that the server leads on from the version shown is to be seen again. */
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

  /** The server has told of an op. */
  noteOp(v: number): void {
    this.seen = Math.max(this.seen, v + 1);
    const {bridged, doc} = this;
    // This is the last moment at which the document has the version of the snapshot.
    if (bridged?.snapshot.v === v && doc.version === v && !doc.hasWritePending()) bridged.isSame = this.shows(bridged.snapshot);
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
    const isWanted = this.isUnchecked && version !== null && !doc.hasWritePending();
    if (!isWanted) {
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
    const {asked, goal, bridge, isProbe} = this.fetches.shift() ?? {goal: 0};
    if (isProbe) return this.endProbe(error, snapshot);
    if (bridge && doc.version !== null && !doc._isInHardRollback) return this.cross(bridge, error);
    const pass = (): void => this.during(asked, () => this.upstream._handleFetch.call(doc, error, snapshot));
    this.handle(error, snapshot, asked, goal, pass, () => {
      const callback = doc.inflightFetch.shift();
      doc.pendingFetch.unshift(callback);
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
      const send = putBack();
      return this.events.together(send);
    }
    if (this.isLastTry && !this.probing.length) {
      this.isLastTry = false;
      return pass();
    }
    this.isLastTry = true;
    const send = putBack();
    return this.probe(isLost => {
      if (isLost) this.events.onNoWay();
      this.events.together(send);
    });
  }

  /** After unsent ops have been answered to, the state that they were made on is compared. */
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
   * Finds out whether the server leads on from the version of the unsent ops, or has lost it. An error may be a passing one, so
   * it has to come again while the snapshot can be had.
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
   * @returns whether it has been dealt with; else it is upstream's
   */
  take(snapshot: ServerSnapshot, callback?: Callback): boolean {
    const {doc} = this;
    const asked = this.answer?.asked;
    if (!this.isUnchecked || doc.version === null || typeof snapshot.v !== 'number') return false;
    if (doc.hasWritePending()) return this.takeBelow(snapshot, asked, callback);
    if (asked && doc.version !== asked.version && snapshot.v < doc.version) {
      // Ops have overtaken it.
      if (isSameAsAsked(snapshot, asked)) this.trust();
      else this.checkLater();
    } else if (!asked && snapshot.v < doc.version && this.isProven) {
      return false;
    } else if (snapshot.v > doc.version) {
      this.bridge(snapshot, callback);
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
   * The ops between are asked for first: living tabs of an earlier host, which may come back at any time, can be led on by them,
   * but not by a step that says what they know already.
   */
  private bridge(snapshot: ServerSnapshot, callback?: Callback): void {
    this.bridged = {snapshot};
    this.events.together(() => this.fetchOps(callback, {goal: 0, bridge: snapshot}, {}));
  }

  private cross(snapshot: ServerSnapshot, error: Error | null): void {
    const {doc} = this;
    const isThere = !error && doc.version! >= snapshot.v;
    const isPast = isThere && doc.version! > snapshot.v;
    const wasSame = this.bridged?.snapshot === snapshot && this.bridged.isSame === true;
    if (doc.hasWritePending() || (isPast && !wasSame)) {
      // The content can be compared only when pending ops are answered to, and with a snapshot that no ops have overtaken.
      if (isThere) this.checkLater();
      else this.events.onNoWay();
    } else {
      const isSameState = isPast || (isThere && this.shows(snapshot));
      this.trust();
      if (!isSameState) this.events.onOtherState(snapshot);
    }
    this.upstream._handleFetch.call(doc, null);
  }

  /** Ops were made since the server was asked, and held back. */
  private takeBelow(snapshot: ServerSnapshot, asked: Asked | undefined, callback?: Callback): boolean {
    if (!asked) return false;
    const {version} = this.doc;
    if (snapshot.v > version!) return false;
    // Ops of the server have overtaken the answer.
    if (version !== asked.version) this.checkLater();
    else if (isSameAsAsked(snapshot, asked)) this.trust();
    else this.events.onNoWay();
    callback?.();
    return true;
  }

  /** Whether the document has the content of the snapshot. */
  private shows({type, data}: ServerSnapshot): boolean {
    return typeOf(type) === (this.doc.type ?? null) && isSameContent(this.doc.type, this.events.data(), data);
  }
}
