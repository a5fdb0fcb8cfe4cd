import {canTransfer, postFrame} from '../broker/service-frames.js';
import {InOrder} from '../platform/in-order.js';
import {TabsError} from '../protocol/errors.js';
import type {Channel} from '../platform/platform.js';
import type {ServiceFrame} from '../protocol/frames.js';
import type {LinkedConnection} from './linked-connection.js';
import type {ProxyDoc} from './doc/proxy-doc.js';

/** Notified whether a frame that could not be posted at once was posted later. */
export interface Delivery {
  posted(): void;
  failed(error: unknown): void;
}

/**
 * Posts the frames of a connection. Each frame is posted after the host has ordered all ops that the connection submitted before it, so the
 * receiver of the frame has these ops. If there are no such ops, a frame is posted at once.
 */
export class FrameSender {
  private readonly docsWithUnsent = new Set<ProxyDoc>();
  private readonly queue = new InOrder();

  constructor(private readonly connection: LinkedConnection) {
    for (const doc of connection.proxyDocs()) if (doc.hasUnsent) this.docsWithUnsent.add(doc);
  }

  get isEmpty(): boolean {
    return this.queue.isEmpty;
  }

  /** A document has an op that the host has not received. */
  noteUnsent(doc: ProxyDoc): void {
    this.docsWithUnsent.add(doc);
  }

  /**
   * @param delivery notified if the frame is posted later
   * @returns whether the frame is posted later. Its objects are already copied or transferred.
   * @throws DataCloneError if the frame can't be cloned, or ERR_TABS_SESSION_ENDED without a session. In the first case nothing is posted or
   *   transferred.
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

  /** Whether objects can be transferred to the host. */
  get canTransfer(): boolean {
    return !!this.channel && canTransfer(this.channel);
  }

  private get channel(): Channel | undefined {
    return this.connection.hostClient.sessionClient?.session?.channel;
  }

  private post(message: ServiceFrame, transfer: Transferable[]): void {
    const {sessionClient: link} = this.connection.hostClient;
    if (!link?.session) throw new TabsError('ERR_TABS_SESSION_ENDED', 'There is no session with a host: the frame was not posted');
    postFrame(link.session, message, transfer);
    link.watchdog?.expect();
  }

  /** The session has ended. Waiting frames are not posted. */
  clear(): void {
    this.queue.clear();
  }

  /**
   * Sends the ops that the documents hold back.
   * @returns the documents with ops that the host lacks now and will receive soon
   */
  private flushDocs(): ProxyDoc[] {
    const docs: ProxyDoc[] = [];
    for (const doc of this.docsWithUnsent) {
      flushNow(doc);
      if (!doc.hasUnsent) this.docsWithUnsent.delete(doc);
      else if (!isStuck(doc)) docs.push(doc);
    }
    // A frame waits for these ops, so they do not wait for the end of the turn.
    if (docs.length) this.connection.hostClient.sessionClient?.flush();
    return docs;
  }
}

/** Calls back when the host has the document's present ops, has refused them, or is lost. */
function waitForHost(doc: ProxyDoc, done: () => void): void {
  const ops = new Set(doc.unsent);
  doc.when(() => {
    if (!doc.connection.canSend || !doc.unsent.some(op => ops.has(op))) return true;
    // After the host has placed an op, the document holds the next one back again.
    flushNow(doc);
    return isStuck(doc);
  }, done);
}

/** Sends the ops that are held back so that others can be composed with them, or until the end of the turn. */
function flushNow(doc: ProxyDoc): void {
  doc.pacing.sentAt = -Infinity;
  doc.flush();
}

/**
 * Whether the document's ops wait for something other than the host's next answer: for the app, the end of a rollback, a state, or the
 * server.
 */
const isStuck = (doc: ProxyDoc): boolean =>
  doc.paused || doc.isDestroyed || !!doc.opsAwaitingReset || (doc.wasPaused && doc.unsettled.length > 0) ||
  (doc.rev === null && doc.version !== null && !doc.inflightOp);
