import type {LocalPresence, Presence} from 'sharedb/lib/sharedb.js';
import type {Completion} from '../completion.js';
import type {LocalPresenceEvents, PresenceEvents, TypedEvents} from '../events.js';
import type {Callback} from '../upstream.js';

/** The presences of a channel or a document: ShareDB's `Presence`, with promises in addition to callbacks. */
export interface ProxyPresence<Value = any> extends
  TypedEvents<PresenceEvents<Value>>,
  Omit<Presence<Value>, 'subscribe' | 'unsubscribe' | 'destroy' | 'create' | 'localPresences' | 'remotePresences' | keyof TypedEvents<object>> {
  /** The connection that the presence belongs to. ShareDB's types declare a string here by mistake. */
  connection: string;
  /** The name of the channel. */
  channel: string;
  /** Whether the app has subscribed to the presences of others. */
  wantSubscribe: boolean;
  /** Whether the host sends the presences of others. */
  subscribed: boolean;
  /** The values that others show, by presence id. */
  remotePresences: Record<string, Value>;
  /** The presences of this tab, by presence id. */
  localPresences: Record<string, ProxyLocalPresence<Value>>;
  /** Subscribes to the presences of others. Resolves when the subscription is active. Rejects with the server's error. */
  subscribe(callback?: Callback): Completion;
  /** Ends the subscription. */
  unsubscribe(callback?: Callback): Completion;
  /**
   * Creates a presence of this tab. Others receive it when a value is submitted.
   * @param id unique among all clients; a random one if it is left out
   */
  create(id?: string): ProxyLocalPresence<Value>;
  /** Removes the presences of this tab, and forgets those of others. */
  destroy(callback?: Callback): Completion;
}

/** A presence of this tab: ShareDB's `LocalPresence`, with promises in addition to callbacks. */
export interface ProxyLocalPresence<Value = any> extends
  TypedEvents<LocalPresenceEvents>,
  Omit<LocalPresence<Value>, 'submit' | 'destroy' | 'presence' | keyof TypedEvents<object>> {
  /** The connection that the presence belongs to. ShareDB's types declare a string here by mistake. */
  connection: string;
  /** The presence object that this one belongs to. */
  presence: ProxyPresence<Value>;
  /** Its id, unique among all clients. */
  presenceId: string;
  /** The number of values that were submitted. */
  presenceVersion: number;
  /** The value that it shows. */
  value: Value;
  /** Sends a value to others; `null` removes it. Resolves when the server has acknowledged it. Rejects with the server's error. */
  submit(value: Value | null, callback?: Callback): Completion;
  /** Sends the present value again. */
  send(callback?: Callback): void;
  /** Removes the presence. */
  destroy(callback?: Callback): Completion;
}
