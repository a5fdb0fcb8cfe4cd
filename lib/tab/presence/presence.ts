import type {LocalPresence, Presence} from 'sharedb/lib/sharedb.js';
import type {Completion} from '../completion.js';
import type {LocalPresenceEvents, PresenceEvents, TypedEvents} from '../events.js';
import type {Callback} from '../upstream.js';

/** The presences of a channel or a document: ShareDB's `Presence`, with promises beside the callbacks. */
export interface ProxyPresence<Value = any> extends
  TypedEvents<PresenceEvents<Value>>,
  Omit<Presence<Value>, 'subscribe' | 'unsubscribe' | 'destroy' | 'create' | 'localPresences' | 'remotePresences' | keyof TypedEvents<object>> {
  /** The id of the connection that it belongs to. */
  connection: string;
  /** The name of the channel. */
  channel: string;
  /** Whether the app wants to see the presences of others. */
  wantSubscribe: boolean;
  /** Whether the host tells of the presences of others. */
  subscribed: boolean;
  /** What others show, by presence id. */
  remotePresences: Record<string, Value>;
  /** What this tab shows, by presence id. */
  localPresences: Record<string, ProxyLocalPresence<Value>>;
  /** Follows the presences of others. Resolves when they are told. */
  subscribe(callback?: Callback): Completion;
  /** Ends that. */
  unsubscribe(callback?: Callback): Completion;
  /**
   * Makes a presence of this tab, which others see once a value is submitted.
   * @param id unique among all clients; made up where it is left out
   */
  create(id?: string): ProxyLocalPresence<Value>;
  /** Withdraws what this tab shows, and lets go of what others show. */
  destroy(callback?: Callback): Completion;
}

/** A presence of this tab: ShareDB's `LocalPresence`, with promises beside the callbacks. */
export interface ProxyLocalPresence<Value = any> extends
  TypedEvents<LocalPresenceEvents>,
  Omit<LocalPresence<Value>, 'submit' | 'destroy' | 'presence' | keyof TypedEvents<object>> {
  /** The id of the connection that it belongs to. */
  connection: string;
  /** What it belongs to. */
  presence: ProxyPresence<Value>;
  /** Its id, unique among all clients. */
  presenceId: string;
  /** Counts what was submitted. */
  presenceVersion: number;
  /** What it shows. */
  value: Value;
  /** Shows a value; `null` shows nothing any more. Resolves when the server, or the host while there is none, has it. */
  submit(value: Value | null, callback?: Callback): Completion;
  /** Shows the present value once more. */
  send(callback?: Callback): void;
  /** Shows nothing any more. */
  destroy(callback?: Callback): Completion;
}
