import {canTransfer, postFrame} from '../broker/service-frames.js';
import {InOrder} from '../platform/in-order.js';
import {TabsError} from '../protocol/errors.js';
import type {Channel} from '../platform/platform.js';
import type {ServiceFrame} from '../protocol/frames.js';
import type {LinkedConnection} from './linked-connection.js';
import type {ProxyDoc} from './doc/proxy-doc.js';

/** What becomes of a frame that could not be posted at once. */
export interface Delivery {
  posted(): void;
  failed(error: unknown): void;
}

/**
 * Posts the frames of a connection, each behind all ops that the connection had submitted before: the host has given them
 * their places by then. So who gets the frame has the ops. Without such ops, a frame is posted at once.
 */
export class FrameSender {
  private readonly unsent = new Set<ProxyDoc>();
  private readonly queue = new InOrder();

  constructor(private readonly connection: LinkedConnection) {
    for (const doc of connection.proxyDocs()) if (doc.hasUnsent) this.unsent.add(doc);
  }

  get isEmpty(): boolean {
    return this.queue.isEmpty;
  }

  /** A document has an op that the host has not got. */
  noteUnsent(doc: ProxyDoc): void {
    this.unsent.add(doc);
  }

  /**
   * @returns whether it is posted later, which `delivery` tells; its objects are copied or moved by now
   * @throws where it can't be cloned: then nothing is posted or moved
   */
  send(message: ServiceFrame, transfer: Transferable[], delivery: Delivery): boolean {
    const docs = this.flushDocs();
    const isLater = docs.length > 0 || !this.queue.isEmpty;
    if (!isLater && !this.channel?.sharesObjects) {
      this.post(message, transfer);
      return false;
    }
    const copy = structuredClone({message, transfer}, {transfer});
    const post = (): void => this.post(copy.message, copy.transfer);
    if (!isLater) {
      post();
      return false;
    }
    const waitsFor = docs.map(doc => (done: () => void) => waitForHost(doc, done));
    this.queue.add(waitsFor, () => {
      try {
        post();
      } catch (error) {
        return delivery.failed(error);
      }
      delivery.posted();
    });
    return true;
  }

  /** Whether objects can be moved to the host. */
  get canTransfer(): boolean {
    return !!this.channel && canTransfer(this.channel);
  }

  private get channel(): Channel | undefined {
    return this.connection.hostSession?.session?.channel;
  }

  private post(message: ServiceFrame, transfer: Transferable[]): void {
    const {hostSession: link} = this.connection;
    if (!link?.session) throw new TabsError('ERR_TABS_SESSION_ENDED', 'There is no session with a host: the frame was not posted');
    postFrame(link.session, message, transfer);
    link.watchdog?.expect();
  }

  /** The session has ended: what waits is not posted. */
  clear(): void {
    this.queue.clear();
  }

  /** Sends what the documents hold back. @returns those with ops that the host has not got, and will get soon */
  private flushDocs(): ProxyDoc[] {
    const docs: ProxyDoc[] = [];
    for (const doc of this.unsent) {
      flushNow(doc);
      if (!doc.hasUnsent) this.unsent.delete(doc);
      else if (!isStuck(doc)) docs.push(doc);
    }
    // Somebody waits for them: not at the end of the turn.
    if (docs.length) this.connection.hostSession?.flush();
    return docs;
  }
}

/** Calls back when the host has the ops that there are by now, has refused them, or is lost. */
function waitForHost(doc: ProxyDoc, done: () => void): void {
  const ops = new Set(doc.unsent);
  doc.when(() => {
    if (!doc.connection.canSend || !doc.unsent.some(op => ops.has(op))) return true;
    // The next of them is held back again when the one before has its place.
    flushNow(doc);
    return isStuck(doc);
  }, done);
}

/** Sends what is held back for what may be composed with it, or for the end of the turn. */
function flushNow(doc: ProxyDoc): void {
  doc.flushedAt = -Infinity;
  doc.flush();
}

/** Whether its ops wait for something else than the host's next answer: for the app, a rollback's end, a state, or the server. */
const isStuck = (doc: ProxyDoc): boolean =>
  doc.paused || doc.isDestroyed || !!doc.opsAwaitingReset || (doc.wasPaused && doc.unsettled.length > 0) ||
  (doc.rev === null && doc.version !== null && !doc.inflightOp);
