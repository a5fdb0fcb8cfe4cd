import type {VirtualClock} from './virtual-clock.js';

/** The largest number of messages to the server for one document in one second. More is a loop. No correct walk has a third of it. */
const LIMIT = 150;
/** The largest number of connections that the server closes in one walk. More means that the same message is sent again and again. */
const MAX_REFUSALS = 40;

/** A message of ShareDB for one document, or for several (`b`). */
interface Message {
  a?: string;
  d?: string;
  b?: string[] | Record<string, unknown>;
}

/**
 * Counts the messages of hosts to the server. The virtual time advances only when no other event is possible, so a loop stays in one
 * second.
 */
export class RequestBudget {
  private second = 0;
  private readonly counts = new Map<string, number>();
  /** The highest count so far. */
  highest = 0;
  refusals = 0;

  constructor(private readonly clock: VirtualClock, private readonly onExceeded: (what: string) => void) {}

  get isExceeded(): boolean {
    return this.highest >= LIMIT || this.refusals >= MAX_REFUSALS;
  }

  /** The server has closed a connection because of a message. */
  noteRefusal(): void {
    if (++this.refusals === MAX_REFUSALS) this.onExceeded(`the server has closed connections ${MAX_REFUSALS} times for what hosts have sent`);
  }

  note({a, d, b = []}: Message): void {
    const second = Math.floor(this.clock.now / 1000);
    if (second !== this.second) this.counts.clear();
    this.second = second;
    const docs = d === undefined ? (Array.isArray(b) ? b : Object.keys(b)) : [d];
    for (const doc of docs) {
      const count = (this.counts.get(doc) ?? 0) + 1;
      this.counts.set(doc, count);
      this.highest = Math.max(this.highest, count);
      if (count === LIMIT) this.onExceeded(`hosts have sent ${LIMIT} messages of ${doc} in one second, the last of them '${a}'`);
    }
  }
}
