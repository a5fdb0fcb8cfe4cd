import * as util from 'sharedb/lib/util.js';
import type {ProxyDoc} from '../doc/proxy-doc.js';
import {BaseLocalDocPresence, BaseRemoteDocPresence, type Type, type UpstreamPresence} from '../upstream.js';

interface StandingMessage {
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
  private standing: StandingMessage | undefined;
  private isWaiting = false;

  override receiveUpdate(message: object): void {
    const standing = message as StandingMessage;
    if (this.standing && standing.pv < this.standing.pv) return;
    if (standing.pv < (this.presenceVersion ?? 0)) return;
    this.src = standing.src;
    this.standing = standing;
    this._setPendingPresence();
  }

  /** The document has loaded another state. A waiting presence belongs to this state or a later one. */
  override _handleLoad(): void {
    if (this.standing) this._setPendingPresence();
    else super._handleLoad();
  }

  override destroy(callback?: (error?: unknown) => void): void {
    this.standing = undefined;
    super.destroy(callback);
  }

  override _setPendingPresence(): void {
    const {standing} = this;
    const doc = this._doc as ProxyDoc;
    if (!standing || this.isWaiting) return;
    if (doc.isLoading) {
      this.isWaiting = true;
      return doc.whenNothingUnsent(() => {
        this.isWaiting = false;
        this._setPendingPresence();
      });
    }
    const {rev} = doc.position;
    // The document is not subscribed, so a fetch is necessary to reach the presence's revision.
    if (standing.p !== null && (rev === null || rev < standing.rev)) {
      doc.fetch(() => this._setPendingPresence());
      return;
    }
    this.standing = undefined;
    try {
      this.value = standing.p === null ? null : overUnsent(doc, standing.p);
    } catch (error) {
      this.presence.emit('error', error);
      return;
    }
    this.presenceVersion = standing.pv;
    this.presence._updateRemotePresence(this);
  }
}

/** Transforms a presence value at the host's revision by the ops that the host has not placed. */
function overUnsent(doc: ProxyDoc, value: unknown): unknown {
  const type = doc.type as Type | null;
  if (!util.supportsPresence(type)) return value;
  return doc.unsent.reduce(
    (carried: unknown, op) => ('op' in op ? type!.transformPresence!(carried, op.op, false) : carried), value
  );
}

/** Makes a document's presence use the host. Call it when upstream has created the presence. */
export function overHost(presence: UpstreamPresence): UpstreamPresence {
  presence._createLocalPresence = id => new ProxyLocalDocPresence(presence, id);
  presence._createRemotePresence = id => new ProxyRemoteDocPresence(presence, id);
  return presence;
}

