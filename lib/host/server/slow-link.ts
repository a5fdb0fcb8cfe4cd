import type {Clock} from '../../platform/platform.js';

/** The parts of a socket that ShareDB's `Connection` uses. */
export interface HookedSocket {
  send(data: string): void;
  close(): void;
  reconnect?(): void;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
}

/** Delays messages and keeps their order. */
class DelayedQueue {
  private waiting: {act: () => void; cancel: () => void}[] = [];
  /** When the last waiting message is due, in ms since the epoch. */
  private dueAt = 0;

  constructor(private readonly clock: Clock) {}

  put(delay: number, act: () => void): void {
    const now = this.clock.now();
    if (!delay && !this.waiting.length) return act();
    this.dueAt = Math.max(now + delay, this.dueAt);
    // Timers that are due in the same millisecond may run in any order, so each passes on the first message.
    this.waiting.push({act, cancel: this.clock.after(this.dueAt - now, () => this.waiting.shift()?.act())});
  }

  drop(): void {
    for (const {cancel} of this.waiting) cancel();
    this.waiting = [];
    this.dueAt = 0;
  }
}

/** Delays the messages of a socket. Messages that wait when it closes are lost, as on a network. */
export class SlowLink {
  /** The delay in each direction, in ms. */
  delay = 0;
  private readonly queues: [out: DelayedQueue, back: DelayedQueue];

  constructor(readonly socket: HookedSocket, clock: Clock) {
    const [out, back] = (this.queues = [new DelayedQueue(clock), new DelayedQueue(clock)]);
    const {onmessage, onclose} = socket;
    const send = socket.send.bind(socket);
    socket.send = data => out.put(this.delay, () => send(data));
    socket.onmessage = event => back.put(this.delay, () => onmessage?.call(socket, event));
    socket.onclose = event => {
      this.drop();
      onclose?.call(socket, event);
    };
  }

  drop(): void {
    for (const queue of this.queues) queue.drop();
  }
}
