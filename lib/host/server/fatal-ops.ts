import type {Message} from '../../broker/session.js';
import type {Clock} from '../../platform/platform.js';
import {TabsError} from '../../protocol/errors.js';
import type {RealConnection, RealOp} from '../upstream.js';

/** The WebSocket close code for a message that is too large (RFC 6455, 7.4.1). */
const TOO_LARGE = 1009;
/**
 * The close codes that are not caused by a message: the server goes away, refuses the user, restarts, or is busy. Codes from 3000 on are
 * not caused by a message either: libraries and apps define them.
 */
const OTHER_REASONS = new Set([1001, 1008, 1012, 1013]);
/** How often in a row the connection must be closed with the same op unanswered before the op is suspected. */
const MAX_CLOSURES = 3;
/** An op that was sent earlier than this many ms before the end of the connection is not the reason for it. */
const SOON_MS = 10_000;
/** How long a connection has to stay open without the suspected ops, in ms, before one of them is sent. */
const STABLE_MS = 2000;

interface SentOp {
  message: Message;
  time: number;
}

/** The code and the reason with which the WebSocket was closed. */
export interface CloseInfo {
  code: number;
  reason: string;
}

export interface FatalOpsOptions {
  clock: Clock;
  /** Sends the document's op, which is no longer held back. */
  release(collection: string, id: string): void;
  /** Refuses the op: it is taken back and becomes a dead letter. */
  refuse(collection: string, id: string, src: string, seq: number, error: Error): void;
}

/**
 * Finds the op because of which the server closes the connection: the op is too large for the server, or the server crashes because of it.
 * Otherwise the op would be sent again on each connection, and no other op would ever be saved.
 *
 * A suspected op is first held back. When a connection has stayed open without it, the suspected op is sent. If that connection is closed, too, the
 * op is the reason.
 */
export class FatalOps {
  /** The ops that were sent on the present connection and that the server has not answered. */
  private readonly sent = new Map<string, SentOp>();
  private readonly closures = new Map<string, number>();
  private readonly suspected = new Map<string, Message>();
  /** The suspected op that was sent on this connection, after the connection had stayed open for a while. */
  private trial: string | undefined;
  private readonly found = new Map<string, {message: Message; error: Error}>();
  private cancel: (() => void) | undefined;

  constructor(private readonly connection: RealConnection, private readonly options: FatalOpsOptions) {}

  /** The connection has sent a message. */
  noteSent(message: Message): void {
    if (message.a === 'op') this.sent.set(this.keyOf(message), {message, time: this.options.clock.now()});
  }

  /** The connection has received a message. */
  noteReceived(message: Message): void {
    if (message.a !== 'op' || !(this.sent.size || this.suspected.size)) return;
    const key = this.keyOf(message);
    // The server may already have a suspected op that is held back now.
    if (!this.sent.delete(key) && !this.suspected.has(key)) return;
    this.closures.delete(key);
    this.suspected.delete(key);
    if (this.trial !== key) return;
    this.trial = undefined;
    this.tryNext();
  }

  /** Whether the op must not be sent now. */
  isHeldBack({src, seq}: RealOp): boolean {
    if (!this.suspected.size && !this.found.size) return false;
    const key = keyOf(src!, seq!);
    return this.found.has(key) || (this.suspected.has(key) && this.trial !== key);
  }

  onConnected(): void {
    for (const [key, {message, error}] of [...this.found]) {
      const {c, d, seq} = message as unknown as {c: string; d: string; seq: number};
      this.options.refuse(c, d, key.slice(key.indexOf(' ') + 1), seq, error);
      // The op stays in `found` until it is settled: a rollback may need the server, and is then repeated on the next connection.
      this.suspected.delete(key);
    }
    this.tryNext();
  }

  /** Forgets an op that is settled. */
  forget({src, seq}: RealOp): void {
    if (this.found.size) this.found.delete(keyOf(src!, seq!));
  }

  onDisconnected(close: CloseInfo | undefined): void {
    this.end();
    const {trial} = this;
    this.trial = undefined;
    const sent = [...this.sent];
    this.sent.clear();
    const isTooLarge = close?.code === TOO_LARGE;
    const mayBeOps = !!close && (isTooLarge || !(OTHER_REASONS.has(close.code) || close.code >= 3000));
    const soon = this.options.clock.now() - SOON_MS;
    const recent = mayBeOps ? sent.filter(([, {time}]) => time >= soon) : [];
    if (!recent.length) return;
    const [key, message] = largest(recent);
    const closures = (this.closures.get(key) ?? 0) + 1;
    this.closures.set(key, closures);
    if (trial === key && (isTooLarge || closures > MAX_CLOSURES + 1)) {
      this.closures.delete(key);
      this.found.set(key, {message, error: fatal(message, close)});
    } else if (isTooLarge || closures >= MAX_CLOSURES) {
      this.suspected.set(key, message);
    }
  }

  /** Returns the key of an op. The server may leave out the `src` of the connection's own ops. */
  private keyOf({src, seq}: Message): string {
    return keyOf((src ?? this.connection.id) as string, seq as number);
  }

  end(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  /** Sends the next suspected op when the connection has stayed open for STABLE_MS. */
  private tryNext(): void {
    if (!this.suspected.size || this.cancel) return;
    this.cancel = this.options.clock.after(STABLE_MS, () => {
      this.cancel = undefined;
      const [next] = this.suspected;
      if (!next || this.trial) return;
      this.trial = next[0];
      this.options.release(next[1]['c'] as string, next[1]['d'] as string);
    });
  }
}

const keyOf = (src: string, seq: number): string => `${seq} ${src}`;

const sizeOf = (message: Message): number => JSON.stringify(message).length;

function largest(sent: [string, SentOp][]): [string, Message] {
  const [[key, {message}]] = sent.sort(([, one], [, other]) => sizeOf(other.message) - sizeOf(one.message)) as [[string, SentOp]];
  return [key, message];
}

function fatal(message: Message, close: CloseInfo | undefined): Error {
  const {c, d} = message;
  const code = close ? ` with code ${close.code}${close.reason && ` (${close.reason})`}` : '';
  const reason = close?.code === TOO_LARGE ? 'The op is larger than the server accepts' : 'The server can\'t handle the op';
  return new TabsError('ERR_TABS_OP_TOO_LARGE',
    `${reason}: it closed the connection${code} when it received the op (${sizeOf(message)} characters). ${c}.${d} has the server's state again. ` +
    'The op is kept in deadLetters. Make smaller edits, or raise the limit of the server (ws: maxPayload).');
}
