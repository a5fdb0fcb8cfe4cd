import type {Message} from '../broker/session.js';
import {brief, type HostLogMessage} from '../protocol/debug.js';
import {decodeError, type ErrorData} from '../protocol/errors.js';
import {isHostMessage} from '../protocol/host-message-guards.js';
import type {HostStatus} from '../protocol/host-status.js';
import type {Position, PositionedMessage, RefusedMessage, ResetMessage, SettledMessage} from '../protocol/messages.js';
import type {DocState} from './doc/doc-state.js';
import {Inventory} from './doc/inventory.js';
import {handleLost} from './doc/lost-host.js';
import {handleRefused, handleReset, handleRollback, handleSettled} from './doc/op-outcomes.js';
import {handleResend, handlePositioned} from './doc/sent-ops.js';
import type {HostClient} from './host-client.js';
import type {Status} from './events.js';
import type {PresenceExpiry} from './presence/presence-expiry.js';
import type {Socket} from './upstream.js';

/** A document that the host sends messages about. */
export interface HostedDoc extends DocState {
  readonly position: Position;
  /** Whether a message for this incarnation is for this object, not for an earlier document of the same name. */
  hasAsked(inc: number | undefined): boolean;
}

/** See `ProxyQuery`. */
interface LocalQuery {
  isLocal: boolean;
  emit(event: 'local', isLocal: boolean): void;
}

/** The parts of a connection that the host's messages change. */
export interface MessageTarget {
  readonly hostClient: HostClient;
  /** Receives messages of ShareDB's protocol. */
  readonly hostSocket: Socket;
  /** Whether this tab has asked the host to delete everything and awaits the answer. */
  readonly clearing: boolean;
  readonly presenceExpiry: PresenceExpiry;
  readonly queries: Record<string, object>;
  readonly frames: {receive(message: object): void} | undefined;
  readonly state: string;
  status: Status;
  /** The documents that are available without a server. */
  inventory: Inventory;
  /** The transaction whose ops are being applied. */
  transactionId: string | undefined;
  getExisting(collection: string, id: string): unknown;
  get(collection: string, id: string): unknown;
  /** Runs code that may call listeners of the app, and catches their errors. */
  guarded(act: () => void): void;
  /** Reports what a listener of the app has thrown. */
  reportThrown(error: unknown): void;
  setStatus(status: Partial<Status>): void;
  /** Another tab has signed out. */
  closeCleared(): void;
  emit(event: 'deadletter' | 'shared' | 'error' | 'connection error', detail: unknown): unknown;
  _setState(state: string, reason?: unknown): void;
}

/** Passes a message from the host to its receiver: a document, a query, the status, or ShareDB's own connection. */
export function receive(target: MessageTarget, message: Message): void {
  const {hostClient, hostClient: {log}} = target;
  if (message.a === 'service') return target.frames?.receive(message);
  if (message.a !== 'host.log') log.debug('message', () => `from the host: ${brief(message)}`);
  if (!isHostMessage(message)) return hostClient.onMalformed(message.a);
  const doc = target.getExisting(message['c'] as string, message['d'] as string) as HostedDoc | undefined;
  switch (message.a) {
    case 'doc.settled':
      return doc && handleSettled(doc, message as unknown as SettledMessage);
    case 'doc.rollback':
      return doc && handleRollback(doc, message['inc'] as number);
    case 'doc.reset':
      return doc && handleReset(doc, message as unknown as ResetMessage);
    case 'doc.refused':
      return doc && handleRefused(doc, message as unknown as RefusedMessage);
    case 'doc.lost':
      return doc && handleLost(doc, message['inc'] as number);
    case 'doc.positioned':
      return doc && handlePositioned(doc, message as unknown as PositionedMessage);
    case 'doc.resend':
      return doc && handleResend(doc, message as unknown as {inc: number; seq: number});
    case 'doc.error':
      doc?.emit('error', decodeError(message['error'] as ErrorData));
      return;
    case 'host.cleared':
      // The tab that asked for this waits for the answer to its call.
      if (!target.clearing) target.closeCleared();
      return;
    case 'host.log':
      return log.receive(message as unknown as HostLogMessage);
    case 'app.message':
      return passUpstream(target, JSON.stringify(message['message']));
    case 'host.deadletter':
      target.emit('deadletter', message['letter']);
      return;
    case 'mirror.wanted':
      return hostClient.offerMirror();
    case 'store.inventory':
      target.inventory = new Inventory(message['known'] as Record<string, string[]>);
      return;
    case 'shared.entries':
      return receiveTogether(target, message);
    case 'shared.outcome':
    case 'shared.items':
      target.emit('shared', message);
      return;
    case 'connection.state':
      return mirrorState(target, message['state'] as string, message['reason']);
    case 'connection.event':
      return mirrorEvent(target, message['event'] as 'error', decodeError(message['error'] as ErrorData));
    case 'host.status':
      target.status = {lastError: target.status.lastError} as Status;
      return target.setStatus(message['status'] as HostStatus);
    case 'f':
    case 's':
    case 'u':
      if (!isAnswer(doc, message)) return;
      break;
    case 'p':
      // The removal of a presence does not show that the client is still connected.
      if (message['p'] != null) target.presenceExpiry.noteSeen(message['ch'] as string, message['id'] as string);
      break;
    case 'q':
    case 'qs':
    case 'qf':
      return receiveResults(target, message);
  }
  passUpstream(target, message);
}

/** Passes answers to many documents. If a listener of one document throws, the other documents still get their states. */
export function receiveMany(target: MessageTarget, error: Error | null, {c, data}: Message, method: '_handleFetch' | '_handleSubscribe'): void {
  // This does not use `guarded`, which would need a function for each document.
  for (const [d, state] of Object.entries(data as Record<string, {inc?: number}>)) {
    try {
      const doc = target.getExisting(c as string, d) as HostedDoc | undefined;
      if (doc?.hasAsked(state.inc)) doc[method](error, state);
    } catch (thrown) {
      target.reportThrown(thrown);
    }
  }
}

/** Passes a message to ShareDB's own connection. */
function passUpstream(target: MessageTarget, data: unknown): void {
  target.hostSocket.onmessage?.({data});
}

/**
 * Checks an answer for a document. The state in an answer for an earlier incarnation is removed, because it can't be used. Upstream still
 * needs the answer, to end its request.
 * @returns whether the document exists and the answer is for it
 */
function isAnswer(doc: HostedDoc | undefined, message: Message): boolean {
  const inc = message['inc'] as number | undefined;
  if (!doc?.hasAsked(inc)) return false;
  if (inc !== doc.position.inc) message['data'] = {inc: inc ?? -1, rev: 0};
  return true;
}

function receiveResults(target: MessageTarget, message: Message): void {
  const query = target.queries[message['id'] as number] as LocalQuery | undefined;
  if (!query) ingestResults(target, message);
  const hasChanged = query && query.isLocal !== !!message['local'];
  if (hasChanged) query.isLocal = !query.isLocal;
  passUpstream(target, message);
  if (hasChanged) query.emit('local', query.isLocal);
}

/** Ingests the results of a query that no longer exists, because the host assumes that this tab has them. */
function ingestResults(target: MessageTarget, {data, diff}: Message): void {
  const inserted = ((diff ?? []) as {type: string; values?: unknown[]}[]).flatMap(({type, values}) => (type === 'insert' ? values ?? [] : []));
  for (const item of [...((data ?? []) as unknown[]), ...inserted] as {c: string; d: string; v: number; type: string | null}[]) {
    (target.get(item.c, item.d) as HostedDoc).ingestSnapshot(item, () => {});
  }
}

/** Applies all changes of a transaction in the same turn, so that nothing runs between them. */
function receiveTogether(target: MessageTarget, {id, messages}: Message): void {
  target.transactionId = id as string | undefined;
  for (const message of messages as Message[]) target.guarded(() => receive(target, message));
  target.transactionId = undefined;
}

function mirrorState(target: MessageTarget, state: string, reason: unknown): void {
  // Upstream enters 'connected' only from 'connecting'.
  if (state === 'connected' && target.state !== 'connecting') target._setState('connecting');
  target._setState(state, reason);
}

function mirrorEvent(target: MessageTarget, event: 'error' | 'connection error', error: Error): void {
  target.setStatus({...target.status, lastError: error});
  target.emit(event, error);
}
