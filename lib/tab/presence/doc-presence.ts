import * as util from 'sharedb/lib/util.js';
import type {ProxyDoc} from '../doc/proxy-doc.js';
import {BaseLocalDocPresence, BaseRemoteDocPresence, type Type, type UpstreamPresence} from '../upstream.js';

interface PresenceMessage {
  src: string;
  p: unknown;
  pv: number;
  /** The revision of the document's history that `p` belongs to. */
  rev: number;
}

/** A presence of this tab in a document. The host transforms it to the server's version. */
class ProxyLocalDocPresence extends BaseLocalDocPresence {
  /** Other tabs see the presence as soon as the host has all ops of this tab, even if the server is unreachable. */
  override _sendPending(): void {
    if (this._isSending) return;
    this._isSending = true;
    const doc = this._doc as ProxyDoc;
    doc.whenNothingUnsent(() => {
      this._isSending = false;
      if (!doc.connection.canSend || !doc.type) return;
      const messages = this._pendingMessages;
      this._pendingMessages = [];
      this._docDataVersionByPresenceVersion = {};
      for (const message of messages) {
        doc.connection.send({...message, t: doc.type.uri, v: doc.version, at: doc.position});
      }
    });
  }
}

/** A presence of another tab or client. The host sends it with a revision of the document's history. */
class ProxyRemoteDocPresence extends BaseRemoteDocPresence {
  private received: PresenceMessage | undefined;
  private isWaiting = false;

  override receiveUpdate(message: object): void {
    const received = message as PresenceMessage;
    if (this.received && received.pv < this.received.pv) return;
    if (received.pv < (this.presenceVersion ?? 0)) return;
    this.src = received.src;
    this.received = received;
    this._setPendingPresence();
  }

  /** The document has loaded another state. A waiting presence belongs to this state or a later one. */
  override _handleLoad(): void {
    if (this.received) this._setPendingPresence();
    else super._handleLoad();
  }

  override destroy(callback?: (error?: unknown) => void): void {
    this.received = undefined;
    super.destroy(callback);
  }

  override _setPendingPresence(): void {
    const {received} = this;
    const doc = this._doc as ProxyDoc;
    if (!received || this.isWaiting) return;
    if (doc.isLoading) {
      this.isWaiting = true;
      return doc.whenNothingUnsent(() => {
        this.isWaiting = false;
        this._setPendingPresence();
      });
    }
    const {rev} = doc.position;
    // The document is not subscribed, so a fetch is necessary to reach the presence's revision.
    if (received.p !== null && (rev === null || rev < received.rev)) {
      doc.fetch(() => this._setPendingPresence());
      return;
    }
    this.received = undefined;
    try {
      this.value = received.p === null ? null : overUnsent(doc, received.p);
    } catch (error) {
      this.presence.emit('error', error);
      return;
    }
    this.presenceVersion = received.pv;
    this.presence._updateRemotePresence(this);
  }
}

/** Transforms a presence value at the host's revision by the ops that the host has not placed. */
function overUnsent(doc: ProxyDoc, value: unknown): unknown {
  const type = doc.type as Type | null;
  if (!util.supportsPresence(type)) return value;
  return doc.unsent.reduce(
    (transformed: unknown, op) => ('op' in op ? type!.transformPresence!(transformed, op.op, false) : transformed), value
  );
}

/** Makes a document's presence use the host. Call it when upstream has created the presence. */
export function overHost(presence: UpstreamPresence): UpstreamPresence {
  presence._createLocalPresence = id => new ProxyLocalDocPresence(presence, id);
  presence._createRemotePresence = id => new ProxyRemoteDocPresence(presence, id);
  return presence;
}

