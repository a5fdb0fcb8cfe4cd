import {EventEmitter} from 'sharedb/lib/emitter.js';
import {systemClock} from '../platform/browser.js';
import {unknownOption} from '../platform/option-checks.js';
import type {Clock} from '../platform/platform.js';
import type {TypedEvents} from '../tab/events.js';

/** A connection from `createConnection`, or one of ShareDB's own client. */
export interface PresentUsersConnection {
  /** Returns the presence of a channel. */
  getPresence(channel: string): any;
  /** Calls the listener before each message to the server. */
  on(event: 'send', listener: (message: any) => void): unknown;
  /** Removes a listener. */
  off(event: 'send', listener: (message: any) => void): unknown;
  /** The time and timers. Default: the system's. */
  readonly clock?: Clock;
}

/** The options of `PresentUsers`. */
export interface PresentUsersOptions<Value> {
  /**
   * Returns the id of the person who shows this value. It must be the same for all tabs and devices of a person. Default: the
   * presence id. If the function throws, or returns something else than a string, the value is left out, and the event `error` reports it.
   */
  userOf?: ((value: Value, presenceId: string) => string) | undefined;
}

/** A person who is present. Times are by this device's clock, in ms since the epoch. */
export interface PresentUser<Value> {
  /** The person's id: what `userOf` returns. */
  readonly id: string;
  /** The values that the person's tabs show, by presence id. */
  readonly values: ReadonlyMap<string, Value>;
  /** When this tab first saw the person, without an interruption since. */
  readonly firstSeen: number;
  /** When the person last showed something. */
  readonly lastSeen: number;
  /** Whether one of the presences belongs to this tab. */
  readonly isSelf: boolean;
}

/** The events of `PresentUsers`. */
export interface PresentUsersEvents<Value> {
  /** A person has joined, left, or shown a value. */
  change: (users: readonly PresentUser<Value>[]) => void;
  /** A person's first tab has joined. */
  join: (user: PresentUser<Value>) => void;
  /** The person's last tab has left. */
  leave: (user: PresentUser<Value>) => void;
  /** An error of the channel or of `userOf`. Without a listener, it goes to `console.warn`. */
  error: (error: Error) => void;
}

/** The people present in a channel. Each person occurs once, with any number of tabs. */
export interface PresentUsers<Value> extends TypedEvents<PresentUsersEvents<Value>> {
  /** In the order in which they joined. */
  readonly users: readonly PresentUser<Value>[];
  /** Stops following the channel. It can be called twice. */
  close(): void;
}

/**
 * Follows who is present in a channel, including this tab. Subscribes to the channel unless the app has done so. A connection has one
 * subscription for each channel, so the app must not end it while it uses this.
 * @throws TypeError if the connection is none, the channel is not a non-empty string, an option is unknown, or `userOf` is not a function
 */
export function presentUsers<Value = any>(
  connection: PresentUsersConnection, channel: string, options: PresentUsersOptions<Value> = {}
): PresentUsers<Value> {
  if (typeof connection?.getPresence !== 'function') throw new TypeError('presentUsers: the first argument must be a connection');
  if (typeof channel !== 'string' || !channel) throw new TypeError('presentUsers: the channel must be a non-empty string');
  if (typeof options !== 'object' || options === null) throw new TypeError('presentUsers: the options must be an object');
  const unknown = unknownOption('presentUsers', options, ['userOf']);
  if (unknown) throw new TypeError(unknown);
  if (options.userOf !== undefined && typeof options.userOf !== 'function') {
    throw new TypeError('presentUsers: userOf must be a function of a value and a presence id');
  }
  return new FollowedUsers<Value>(connection, channel, options);
}

/** How many lists use the subscription that the first of them has made. */
const subscribers = new WeakMap<object, number>();

/** The part of ShareDB's `Presence` that is used here. */
interface FollowedPresence<Value> {
  readonly wantSubscribe: boolean;
  readonly remotePresences: Record<string, Value | null>;
  readonly localPresences: Record<string, {readonly value: Value | null}>;
  subscribe(callback: (error?: Error) => void): void;
  unsubscribe(callback: () => void): void;
  on(event: string, listener: (...args: any[]) => void): void;
  off(event: string, listener: (...args: any[]) => void): void;
}

class FollowedUsers<Value> extends (EventEmitter as unknown as new () => TypedEvents<PresentUsersEvents<any>>) {
  private known = new Map<string, PresentUser<Value>>();
  private readonly presence: FollowedPresence<Value>;
  private readonly userOf: (value: Value, presenceId: string) => string;
  private readonly clock: Clock;
  private readonly isSubscriber: boolean;
  /** The presence ids with a value for which `userOf` gave no id, so that each is reported once. */
  private readonly failed = new Set<string>();
  private stop: (() => void) | undefined;

  constructor(connection: PresentUsersConnection, channel: string, {userOf = (_value, id) => id}: PresentUsersOptions<Value>) {
    super();
    this.userOf = userOf;
    this.clock = connection.clock ?? systemClock;
    const presence = this.presence = connection.getPresence(channel) as FollowedPresence<Value>;
    const onReceive = (id: string): void => this.update(id);
    const onError = (error: Error): void => this.reportError(error);
    // ShareDB has no event for what this tab shows itself.
    const onSend = (message: {a?: unknown; ch?: unknown; id?: unknown}): void => {
      if (message.a === 'p' && message.ch === channel) this.update(String(message.id));
    };
    presence.on('receive', onReceive);
    presence.on('error', onError);
    connection.on('send', onSend);
    this.stop = () => {
      presence.off('receive', onReceive);
      presence.off('error', onError);
      connection.off('send', onSend);
    };
    const others = subscribers.get(presence);
    this.isSubscriber = others !== undefined || !presence.wantSubscribe;
    if (this.isSubscriber) subscribers.set(presence, (others ?? 0) + 1);
    presence.subscribe(error => { if (error) this.reportError(error); });
    this.update(undefined);
  }

  get users(): readonly PresentUser<Value>[] {
    return [...this.known.values()];
  }

  close(): void {
    if (!this.stop) return;
    this.stop();
    this.stop = undefined;
    this.known.clear();
    if (this.isSubscriber) this.endSubscription();
  }

  private endSubscription(): void {
    const {presence} = this;
    const left = subscribers.get(presence)! - 1;
    if (left) return void subscribers.set(presence, left);
    subscribers.delete(presence);
    presence.unsubscribe(() => {});
  }

  /** Computes the users again. @param shown the id of the presence that has just changed */
  private update(shown: string | undefined): void {
    const now = this.clock.now();
    const before = this.known;
    const found = new Map<string, {values: Map<string, Value>; isSelf: boolean}>();
    const add = (presenceId: string, value: Value | null, isSelf: boolean): void => {
      // A presence that was taken back has the value null until it is removed.
      if (value === null || value === undefined) return;
      const id = this.idOf(value, presenceId);
      if (id === undefined) return;
      let user = found.get(id);
      if (!user) found.set(id, (user = {values: new Map(), isSelf: false}));
      user.values.set(presenceId, value);
      user.isSelf ||= isSelf;
    };
    const {localPresences, remotePresences} = this.presence;
    for (const [id, {value}] of Object.entries(localPresences)) add(id, value, true);
    // If another tab shows a value with a presence id of this tab, this tab gets no changes of that value.
    for (const [id, value] of Object.entries(remotePresences)) if (!Object.hasOwn(localPresences, id)) add(id, value, false);
    for (const id of this.failed) if (!(id in remotePresences || id in localPresences)) this.failed.delete(id);
    const after = new Map<string, PresentUser<Value>>();
    // People who were present keep their position.
    for (const id of new Set([...before.keys(), ...found.keys()])) {
      const user = found.get(id);
      if (!user) continue;
      const known = before.get(id);
      const hasShown = !known || (shown !== undefined && user.values.has(shown));
      after.set(id, {id, ...user, firstSeen: known?.firstSeen ?? now, lastSeen: hasShown ? now : known.lastSeen});
    }
    this.known = after;
    for (const [id, user] of before) if (!after.has(id)) this.emit('leave', user);
    for (const [id, user] of after) if (!before.has(id)) this.emit('join', user);
    if (before.size || after.size) this.emit('change', this.users);
  }

  /** The id of the person who shows a value; undefined if `userOf` fails. Other clients may show values that the app does not expect. */
  private idOf(value: Value, presenceId: string): string | undefined {
    try {
      const id: unknown = this.userOf(value, presenceId);
      if (typeof id !== 'string') throw new TypeError(`presentUsers: userOf must return a string, not ${String(id)}`);
      this.failed.delete(presenceId);
      return id;
    } catch (error) {
      if (!this.failed.has(presenceId)) this.reportError(error as Error);
      this.failed.add(presenceId);
      return undefined;
    }
  }

  private reportError(error: Error): void {
    // Without a listener, ShareDB's emitter would throw.
    if (this.listenerCount('error')) this.emit('error', error);
    // eslint-disable-next-line no-console
    else console.warn('sharedb-tabs/presence: an error of the channel or of userOf. Listen to the event `error` of presentUsers() to handle it.', error);
  }
}
