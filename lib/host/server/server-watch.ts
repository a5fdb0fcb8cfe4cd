import type {Clock} from '../../platform/platform.js';
import type {RealConnection} from '../upstream.js';

/** Time limits for the server, in ms. */
export interface ServerTimeouts {
  /** The limit for ShareDB's handshake after the WebSocket has opened. Default 10,000. */
  hello?: number | undefined;
  /** The limit for any message after a request. After that, the host sends a ping. Default 10,000. */
  answer?: number | undefined;
  /** The limit for the answer to the ping. After that, the host considers the WebSocket dead, and reconnects. Default 5000. */
  pong?: number | undefined;
}

/** The interval at which the host checks the clock, in ms. */
const CLOCK_CHECK_MS = 10_000;
/** If a timer is late by more than this, in ms, the computer has slept or this thread was frozen. */
const LATE_MS = 3000;

export interface ServerWatchOptions {
  clock: Clock;
  timeouts?: ServerTimeouts | undefined;
  /** Whether to check the clock at intervals, to detect that the computer has slept. Default true. */
  checksClock?: boolean | undefined;
  /** The WebSocket is open, but ShareDB's handshake has not arrived in time. */
  onNoGreeting?(): void;
  /** The WebSocket was opened, and was closed before ShareDB's handshake arrived. @param reason of ShareDB's event */
  onClosedEarly?(reason: unknown): void;
  /** Closes the WebSocket and opens another one. */
  reconnect(reason: string): void;
}

/**
 * Detects that an open WebSocket is dead, for example after a laptop has slept or a router has dropped the connection. The browser may
 * report that only after minutes, or never.
 */
export class ServerWatch {
  private readonly timeouts: Required<{[Name in keyof ServerTimeouts]: number}>;
  /** The sender of the ping for each pong that is expected: this watch, or other code. */
  private pings: ('ours' | 'other')[] = [];
  private isAsking = false;
  private cancelHello: (() => void) | undefined;
  private cancelAnswer: (() => void) | undefined;
  private cancelPong: (() => void) | undefined;
  private cancelClockCheck: (() => void) | undefined;

  constructor(private readonly connection: RealConnection, private readonly options: ServerWatchOptions) {
    const {hello = 10_000, answer = 10_000, pong = 5000} = options.timeouts ?? {};
    this.timeouts = {hello, answer, pong};
    const on = connection.on as (event: string, listener: (...args: never[]) => void) => unknown;
    on.call(connection, 'send', ({a}: {a?: string}) => this.handleSent(a));
    on.call(connection, 'receive', (request: {data: {a?: string} | null}) => this.handleReceived(request));
    on.call(connection, 'state', (state: string, reason: unknown) => this.handleState(state, reason));
  }

  /** The WebSocket has opened, and ShareDB's handshake must follow. */
  noteOpen(): void {
    this.cancelHello?.();
    this.cancelHello = this.options.clock.after(this.timeouts.hello, () => {
      this.cancelHello = undefined;
      if (this.connection.state === 'connected') return;
      this.options.onNoGreeting?.();
      this.options.reconnect('The server did not greet');
    });
  }

  /** Pings the server, because the connection may be dead. */
  check(): void {
    if (this.connection.state !== 'connected' || this.cancelPong) return;
    this.awaitPong();
    this.isAsking = true;
    try {
      // `connection.ping` exists only since ShareDB 2.1. Older servers answer this message with an error, which is an answer, too.
      this.connection.send({a: 'pp'});
    } finally {
      this.isAsking = false;
    }
  }

  private awaitPong(): void {
    const {clock, reconnect} = this.options;
    const due = clock.now() + this.timeouts.pong;
    this.cancelPong = clock.after(this.timeouts.pong, () => {
      this.cancelPong = undefined;
      // This thread was blocked, so the answer may have arrived and wait behind this timer.
      if (clock.now() - due > LATE_MS) return this.check();
      reconnect('The server does not answer');
    });
  }

  private handleSent(action: string | undefined): void {
    if (action === 'pp') this.pings.push(this.isAsking ? 'ours' : 'other');
    if (!this.cancelAnswer) this.awaitAnswer(() => true);
  }

  /** Pings the server if nothing arrives in time. @param isWanted called then, returns whether an answer is still expected */
  private awaitAnswer(isWanted: () => boolean): void {
    this.cancelAnswer = this.options.clock.after(this.timeouts.answer, () => {
      this.cancelAnswer = undefined;
      if (isWanted()) this.check();
    });
  }

  private handleReceived(request: {data: {a?: string} | null}): void {
    const isWaiting = !!this.cancelAnswer;
    this.stopWaiting();
    // This message may be the answer to another request, and the connection may be dead before the next answer.
    if (isWaiting) this.awaitAnswer(() => this.connection.hasPending());
    // The answer to a ping of this watch is hidden from ShareDB's connection, which has not sent the ping.
    if (request.data?.a === 'pp' && this.pings.shift() === 'ours') request.data = null;
  }

  private handleState(state: string, reason: unknown): void {
    if (state === 'connecting') return;
    if (this.cancelHello && state === 'disconnected') this.options.onClosedEarly?.(reason);
    this.cancelHello?.();
    this.cancelHello = undefined;
    this.stopWaiting();
    this.pings = [];
    this.cancelClockCheck?.();
    this.cancelClockCheck = undefined;
    if (state === 'connected' && this.options.checksClock !== false) this.checkClock();
  }

  private stopWaiting(): void {
    this.cancelAnswer?.();
    this.cancelPong?.();
    this.cancelAnswer = this.cancelPong = undefined;
  }

  private checkClock(): void {
    const {clock} = this.options;
    const due = clock.now() + CLOCK_CHECK_MS;
    this.cancelClockCheck = clock.after(CLOCK_CHECK_MS, () => {
      this.checkClock();
      if (Math.abs(clock.now() - due) > LATE_MS) this.check();
    });
  }
}
