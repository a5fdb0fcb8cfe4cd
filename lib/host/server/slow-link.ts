import type {Clock} from '../../platform/platform.js';

/** A socket as ShareDB's `Connection` uses it. */
export interface HookedSocket {
  send(data: string): void;
  close(): void;
  reconnect?(): void;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
}

/** Makes messages wait, and keeps their order. */
class Lane {
  private waiting: {act: () => void; cancel: () => void}[] = [];
  /** When the last of them is due, in ms since the epoch. */
  private dueAt = 0;

  constructor(private readonly clock: Clock) {}

  put(delay: number, act: () => void): void {
    const now = this.clock.now();
    if (!delay && !this.waiting.length) return act();
    this.dueAt = Math.max(now + delay, this.dueAt);
    // If two timers are due in the same millisecond, either may run first. So each takes the first message.
    this.waiting.push({act, cancel: this.clock.after(this.dueAt - now, () => this.waiting.shift()?.act())});
  }

  drop(): void {
    for (const {cancel} of this.waiting) cancel();
    this.waiting = [];
    this.dueAt = 0;
  }
}

/** Delays the messages of a socket. Messages that are under way when it closes are lost, as on a network. */
export class SlowLink {
  /** In ms, in each direction. */
  delay = 0;
  private readonly lanes: [out: Lane, back: Lane];

  constructor(readonly socket: HookedSocket, clock: Clock) {
    const [out, back] = (this.lanes = [new Lane(clock), new Lane(clock)]);
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
    for (const lane of this.lanes) lane.drop();
  }
}
