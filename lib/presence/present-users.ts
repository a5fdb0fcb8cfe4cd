import {EventEmitter} from 'sharedb/lib/emitter.js';
import {systemClock} from '../platform/browser.js';
import type {Clock} from '../platform/platform.js';
import type {TypedEvents} from '../tab/events.js';

/** A connection of `createConnection`, or of ShareDB's own client. */
export interface PresentUsersConnection {
  getPresence(channel: string): any;
  on(event: 'send', listener: (message: any) => void): unknown;
  off(event: 'send', listener: (message: any) => void): unknown;
  readonly clock?: Clock;
}

/** The options of `PresentUsers`. */
export interface PresentUsersOptions<Value> {
  /** Who shows this value: the same for all tabs and devices of a person. Default: the presence id. */
  userOf?: ((value: Value, presenceId: string) => string) | undefined;
}

/** A person who is here. Times are by this device's clock, in ms since the epoch. */
export interface PresentUser<Value> {
  readonly id: string;
  /** What the person's tabs show, by presence id. */
  readonly values: ReadonlyMap<string, Value>;
  /** When this tab first saw the person here, without a break since. */
  readonly firstSeen: number;
  /** When the person last showed something. */
  readonly lastSeen: number;
  /** One of the presences is of this tab. */
  readonly isSelf: boolean;
}

/** What `PresentUsers` emits. */
export interface PresentUsersEvents<Value> {
  /** Somebody has come, left, or shows something else. */
  change: (users: readonly PresentUser<Value>[]) => void;
  join: (user: PresentUser<Value>) => void;
  /** The person's last tab has gone. */
  leave: (user: PresentUser<Value>) => void;
  error: (error: Error) => void;
}

/** Who is present in a channel: each person once, however many tabs. */
export interface PresentUsers<Value> extends TypedEvents<PresentUsersEvents<Value>> {
  /** In the order in which they came. */
  readonly users: readonly PresentUser<Value>[];
  /** Stops following the channel. Closing twice is no error. */
  close(): void;
}

/**
 * Follows who is present in a channel, this tab included. Subscribes to it unless the app has done so.
 * @throws TypeError where the channel is not a name, or `userOf` not a function
 */
export function presentUsers<Value = any>(
  connection: PresentUsersConnection, channel: string, options: PresentUsersOptions<Value> = {}
): PresentUsers<Value> {
  return new FollowedUsers<Value>(connection, channel, options);
}

/** What is used of upstream's `Presence`. */
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
  private stop: (() => void) | undefined;

  constructor(connection: PresentUsersConnection, channel: string, {userOf = (_value, id) => id}: PresentUsersOptions<Value>) {
    super();
    if (typeof channel !== 'string' || !channel) throw new TypeError('presentUsers: the channel must be a string that is not empty');
    if (typeof userOf !== 'function') throw new TypeError('presentUsers: userOf must be a function of a value and a presence id');
    this.userOf = userOf;
    this.clock = connection.clock ?? systemClock;
    const presence = this.presence = connection.getPresence(channel) as FollowedPresence<Value>;
    const onReceive = (id: string): void => this.look(id);
    const onError = (error: Error): void => this.tell(error);
    // Upstream has no event for what this tab shows itself.
    const onSend = (message: {a?: unknown; ch?: unknown; id?: unknown}): void => {
      if (message.a === 'p' && message.ch === channel) this.look(String(message.id));
    };
    presence.on('receive', onReceive);
    presence.on('error', onError);
    connection.on('send', onSend);
    this.stop = () => {
      presence.off('receive', onReceive);
      presence.off('error', onError);
      connection.off('send', onSend);
    };
    this.isSubscriber = !presence.wantSubscribe;
    presence.subscribe(error => { if (error) this.tell(error); });
    this.look(undefined);
  }

  get users(): readonly PresentUser<Value>[] {
    return [...this.known.values()];
  }

  close(): void {
    if (!this.stop) return;
    this.stop();
    this.stop = undefined;
    this.known.clear();
    if (this.isSubscriber) this.presence.unsubscribe(() => {});
  }

  /** @param shown the presence that has just been told */
  private look(shown: string | undefined): void {
    const now = this.clock.now();
    const before = this.known;
    const found = new Map<string, {values: Map<string, Value>; isSelf: boolean}>();
    const add = (presenceId: string, value: Value | null, isSelf: boolean): void => {
      // A value that was taken back is null, until it is removed.
      if (value === null || value === undefined) return;
      const id = this.userOf(value, presenceId);
      let user = found.get(id);
      if (!user) found.set(id, (user = {values: new Map(), isSelf: false}));
      user.values.set(presenceId, value);
      user.isSelf ||= isSelf;
    };
    for (const [id, {value}] of Object.entries(this.presence.localPresences)) add(id, value, true);
    for (const [id, value] of Object.entries(this.presence.remotePresences)) add(id, value, false);
    const after = new Map<string, PresentUser<Value>>();
    // Who was here stays in the same place.
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

  /** Without a listener, upstream's presence has told of it. */
  private tell(error: Error): void {
    if (this.listenerCount('error')) this.emit('error', error);
  }
}
