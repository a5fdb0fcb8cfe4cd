import type {DeliveryRule} from '../../broker/host-session.js';
import type {Message} from '../../broker/session.js';
import {isOfApp} from '../../protocol/app-messages.js';
import {brief} from '../../protocol/debug.js';
import {TabsError, encodeError} from '../../protocol/errors.js';
import {warning} from '../../protocol/warnings.js';
import type {FeedEntry} from '../../protocol/feed.js';
import type {HostLog} from '../host-log.js';
import type {Tab} from '../tab.js';
import type {RealConnection} from '../upstream.js';
import {closeReason} from './close-reason.js';
import type {FatalOps} from './fatal-ops.js';
import type {Tokens} from './tokens.js';

/** The number of events that are kept for the first tab. */
const MAX_WAITING = 16;

export interface ServerEventsOwner {
  readonly log: HostLog;
  readonly tokens: Tokens;
  readonly fatalOps: FatalOps;
  hasTabs(): boolean;
  /** A message was sent to the server or received from it. */
  note(direction: FeedEntry['direction'], message: Message): void;
  sendToAll(message: Message, rule?: DeliveryRule): void;
  /** The state of the connection to the server has changed. Called before the tabs are notified. */
  onState(state: string): void;
  /** The connection was established. Called after the tabs are notified. */
  onConnected(): void;
  /** The connection was lost or closed. */
  onDisconnected(): void;
  onPong(): void;
}

/** Relays the events of the host's connection to the server to the tabs. */
export class ServerEvents {
  /** Events that occurred while there was no tab. */
  private readonly waiting: Message[] = [];
  /** Whether a warning that the server can't be reached was logged since the last connection. */
  private isUnreachable = false;
  private readonly listeners: Record<string, (...args: never[]) => void>;

  constructor(private readonly connection: RealConnection, private readonly owner: ServerEventsOwner) {
    this.listeners = {
      state: (state: string, reason: unknown) => this.handleState(state, reason),
      send: (message: Message) => {
        owner.note('to server', message);
        owner.fatalOps.noteSent(message);
      },
      receive: (request: {data: Message | null}) => this.handleReceived(request),
      error: (error: Error) => this.relay('error', error),
      'connection error': (error: Error) => this.handleConnectionError(error),
      pong: () => owner.onPong()
    };
    for (const [event, listener] of Object.entries(this.listeners)) connection.on(event, listener);
  }

  stop(): void {
    const {connection} = this;
    for (const [event, listener] of Object.entries(this.listeners)) connection.off(event, listener);
    // Without a listener, `emit('error')` throws.
    connection.on('error', () => {});
  }

  /**
   * Sends a tab the state of the connection when its session begins.
   * @param hadHost whether the tab has lost a session with this host or another one
   */
  greet(tab: Tab, hadHost: boolean): void {
    tab.noteServerState(this.connection.state, hadHost);
    tab.send(this.stateMessage());
  }

  /** Sends a tab the events that no tab has received yet. */
  sendWaiting(tab: Tab): void {
    for (const event of this.waiting.splice(0)) tab.send(event);
  }

  /** Sends a message of the app to the server. */
  sendOfApp(tab: Tab, message: unknown): void {
    if (this.connection.state === 'connected') return this.connection.send(message as object);
    const error = new TabsError('ERR_TABS_OFFLINE', 'A message of the app was not sent: the connection to the server was lost');
    tab.send({a: 'connection.event', event: 'error', error: encodeError(error)});
  }

  private handleState(state: string, reason: unknown): void {
    const {log} = this.owner;
    log.debug('server', () => `${state}${reason === undefined ? '' : `: ${brief(closeReason(reason))}`}`);
    this.noteConnection(state, reason);
    this.owner.onState(state);
    this.owner.sendToAll(this.stateMessage(reason));
    if (state === 'connected') this.owner.onConnected();
  }

  private noteConnection(state: string, reason: unknown): void {
    const {fatalOps} = this.owner;
    if (state === 'connected') {
      this.isUnreachable = false;
      return fatalOps.onConnected();
    }
    if (state === 'connecting') return undefined;
    this.owner.onDisconnected();
    const close = closeReason(reason);
    return fatalOps.onDisconnected(typeof close === 'object' ? close : undefined);
  }

  /** Handles a message of the server. App messages are sent to the tabs, and hidden from ShareDB's connection, which would report errors. */
  private handleReceived(request: {data: Message | null}): void {
    const {data} = request;
    if (!data) return;
    this.owner.note('from server', data);
    if (!isOfApp(data)) return this.owner.fatalOps.noteReceived(data);
    request.data = null;
    this.owner.sendToAll({a: 'app.message', message: data}, 'own');
  }

  private handleConnectionError(error: Error): void {
    const {tokens: {failure}, log} = this.owner;
    // The socket creates a new error with the message of `getToken`'s error, but without its code.
    if (failure && error.message?.endsWith(failure.message)) return this.relay('connection error', failure);
    if (!this.isUnreachable && (error as {code?: unknown}).code === 'ERR_TABS_SERVER_UNREACHABLE') {
      this.isUnreachable = true;
      log.warn(warning('WARN_TABS_SERVER', 'no connection to the server, trying again'), error);
    }
    return this.relay('connection error', error);
  }

  private relay(event: 'error' | 'connection error', error: unknown): void {
    const message = {a: 'connection.event', event, error: encodeError(error)};
    if (this.owner.hasTabs()) this.owner.sendToAll(message);
    else if (this.waiting.length < MAX_WAITING) this.waiting.push(message);
  }

  private stateMessage(reason?: unknown): Message {
    const {state} = this.connection;
    const why = closeReason(reason);
    return why === undefined ? {a: 'connection.state', state} : {a: 'connection.state', state, reason: why};
  }
}
