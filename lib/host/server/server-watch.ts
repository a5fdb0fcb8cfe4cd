import type {Clock} from '../../platform/platform.js';
import type {RealConnection} from '../upstream.js';

/** How long the host waits for the server, in ms. */
export interface ServerTimeouts {
  /** For ShareDB's greeting, after the WebSocket has opened. Default 10,000. */
  hello?: number | undefined;
  /** For any message after a request. Then the host sends a ping. Default 10,000. */
  answer?: number | undefined;
  /** For the answer to the ping. Then the host treats the WebSocket as dead, and connects anew. Default 5000. */
  pong?: number | undefined;
}

/** How often the host looks at the time, in ms. */
const LOOK_MS = 10_000;
/** A timer that is so late, in ms, shows that the machine slept, or that this thread was frozen. */
const LATE_MS = 3000;

export interface ServerWatchOptions {
  clock: Clock;
  timeouts?: ServerTimeouts | undefined;
  /** Whether it looks at the time while nothing happens. Default true. */
  looksAtTime?: boolean | undefined;
  /** The WebSocket is open, and there is no ShareDB at its other end, or it does not run. */
  onNoGreeting?(): void;
  /** Gives the WebSocket up, and opens another one. */
  reconnect(reason: string): void;
}

/**
 * Finds out that a WebSocket is dead although it says that it is open, as after a laptop has slept or when a router has dropped
 * the connection: the browser does not tell for minutes, or ever.
 */
export class ServerWatch {
  private readonly timeouts: Required<{[Name in keyof ServerTimeouts]: number}>;
  /** The sender of the ping for each pong that is expected: this watch, or other code. */
  private pings: ('ours' | 'other')[] = [];
  private isAsking = false;
  private cancelHello: (() => void) | undefined;
  private cancelAnswer: (() => void) | undefined;
  private cancelPong: (() => void) | undefined;
  private cancelLook: (() => void) | undefined;

  constructor(private readonly connection: RealConnection, private readonly options: ServerWatchOptions) {
    const {hello = 10_000, answer = 10_000, pong = 5000} = options.timeouts ?? {};
    this.timeouts = {hello, answer, pong};
    const on = connection.on as (event: string, listener: (argument: never) => void) => unknown;
    on.call(connection, 'send', ({a}: {a?: string}) => this.handleSent(a));
    on.call(connection, 'receive', (request: {data: {a?: string} | null}) => this.handleReceived(request));
    on.call(connection, 'state', (state: string) => this.handleState(state));
  }

  /** The WebSocket is open: ShareDB's greeting is to come. */
  noteOpen(): void {
    this.cancelHello?.();
    this.cancelHello = this.options.clock.after(this.timeouts.hello, () => {
      this.cancelHello = undefined;
      if (this.connection.state === 'connected') return;
      this.options.onNoGreeting?.();
      this.options.reconnect('The server did not greet');
    });
  }

  /** Asks the server whether it is there: something has happened that may have cost the connection. */
  check(): void {
    if (this.connection.state !== 'connected' || this.cancelPong) return;
    this.awaitPong();
    this.isAsking = true;
    try {
      // Not `connection.ping`, which ShareDB has from version 2.1 on. Servers before that answer with an error: an answer, too.
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
      // This thread did not run: the answer may wait behind this timer.
      if (clock.now() - due > LATE_MS) return this.check();
      reconnect('The server does not answer');
    });
  }

  private handleSent(action: string | undefined): void {
    if (action === 'pp') this.pings.push(this.isAsking ? 'ours' : 'other');
    if (!this.cancelAnswer) this.awaitAnswer(() => true);
  }

  /** @param isWanted asked when nothing has come: whether a message is still due */
  private awaitAnswer(isWanted: () => boolean): void {
    this.cancelAnswer = this.options.clock.after(this.timeouts.answer, () => {
      this.cancelAnswer = undefined;
      if (isWanted()) this.check();
    });
  }

  private handleReceived(request: {data: {a?: string} | null}): void {
    const isWaiting = !!this.cancelAnswer;
    this.stopWaiting();
    // It may be the answer to something else, and the connection may die before the next one.
    if (isWaiting) this.awaitAnswer(() => this.connection.hasPending());
    // This watch alone has asked for it. The app would be shown an error.
    if (request.data?.a === 'pp' && this.pings.shift() === 'ours') request.data = null;
  }

  private handleState(state: string): void {
    if (state === 'connecting') return;
    this.cancelHello?.();
    this.cancelHello = undefined;
    this.stopWaiting();
    this.pings = [];
    this.cancelLook?.();
    this.cancelLook = undefined;
    if (state === 'connected' && this.options.looksAtTime !== false) this.lookAtTime();
  }

  private stopWaiting(): void {
    this.cancelAnswer?.();
    this.cancelPong?.();
    this.cancelAnswer = this.cancelPong = undefined;
  }

  private lookAtTime(): void {
    const {clock} = this.options;
    const due = clock.now() + LOOK_MS;
    this.cancelLook = clock.after(LOOK_MS, () => {
      this.lookAtTime();
      if (Math.abs(clock.now() - due) > LATE_MS) this.check();
    });
  }
}
