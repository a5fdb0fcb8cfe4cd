import {Session, type Message, type SessionOptions} from './session.js';

/** So many messages may be under way that tell of what is not durable: a tab may have to go back behind them. */
export const MAX_UNWRITTEN_MESSAGES = 128;

/** While more is about to follow, what may wait leaves once in so many ms: the tab's thread is not woken for each. */
const GATHER_MS = 8;

/**
 * When a message may be sent: 'durable', when all that was written before is; 'repeatable', not waiting for what
 * would come again if it were lost with the host; 'own', at once: the tab itself would say it again.
 */
export type DeliveryRule = 'durable' | 'repeatable' | 'own';

/** When what was written so far may be told. */
export interface Durability {
  /** The place of the last of the changes so far, and of the last that would not come again if it were lost. */
  readonly place: number;
  readonly neededPlace: number;
  /**
   * Calls back once, when all up to a place is durable: at once where it is. Callbacks for one place come in order.
   * @param hurries whether that is not to take longer than it must. Default true.
   */
  whenWritten(place: number, callback: () => void, hurries?: boolean): void;
  /** The same, but not before it is committed, though the storage fails, and without hurry. */
  whenCommitted(place: number, callback: () => void): void;
  /** Whether nobody waits for the storage at present: nothing that is told then is durable. */
  readonly isDown: boolean;
  readonly isWriting: boolean;
}

export interface HostSessionOptions extends SessionOptions {
  /** Holds back what is to be sent until what it tells of is durable. Default: sends at once. */
  durability?: Durability | undefined;
}

/** A host's side of a session: what it tells of is to be durable first. */
export class HostSession extends Session {
  private readonly durability: Durability | undefined;
  /** How many of the first messages in the outbox already wait to become durable, and for which place. */
  private heldBack = 0;
  private heldFor = 0;
  /** What the message in the outbox that needs most needs. */
  private deliveryRule: DeliveryRule = 'own';
  /** Up to which batch everything is durable that they tell of. */
  private durableBatches = 0;
  private unwrittenMessages = 0;
  private cancelBatching: (() => void) | undefined;

  constructor(options: HostSessionOptions) {
    super(options);
    this.durability = options.durability;
  }

  /**
   * @param care what it has to wait for
   * @param mayWait whether more is about to follow, so that it may leave with that
   */
  override send(message: Message | string, care: DeliveryRule = 'durable', mayWait = false): void {
    if (care === 'durable' || this.deliveryRule === 'own') this.deliveryRule = care;
    if (mayWait && this.clock.now() - this.flushedAt < GATHER_MS) this.batch(message);
    else super.send(message);
  }

  private batch(message: Message | string): void {
    this.put(message);
    this.cancelBatching ??= this.clock.after(GATHER_MS, () => this.flush());
  }

  override flush(): void {
    this.cancelBatching?.();
    this.cancelBatching = undefined;
    super.flush();
  }

  override end(): void {
    this.cancelBatching?.();
    super.end();
  }

  protected override release(turn: number): void {
    const {durability} = this;
    if (!durability) return super.release(turn);
    // What comes after this moment may tell of something that is durable later.
    const count = this.outbox.length - this.heldBack;
    const care = this.unwrittenMessages + count > MAX_UNWRITTEN_MESSAGES ? 'durable' : this.deliveryRule;
    this.deliveryRule = 'own';
    // What waits already must not be overtaken.
    if (!this.heldBack) this.heldFor = 0;
    if (care !== 'own') this.heldFor = Math.max(this.heldFor, care === 'durable' ? durability.place : durability.neededPlace);
    this.heldBack += count;
    durability.whenWritten(this.heldFor, () => {
      this.heldBack -= count;
      const before = this.sentBatches;
      const isBeforeWrite = (care !== 'durable' || durability.isDown) && durability.isWriting;
      this.post(count, turn, isBeforeWrite ? this.durableBatches : undefined, durability.isDown);
      if (this.sentBatches === before) return;
      if (isBeforeWrite) this.awaitDurable(count, durability);
      else this.durableBatches = this.sentBatches;
    });
  }

  /** Tells the session when what was sent early is durable. */
  private awaitDurable(count: number, durability: Durability): void {
    const n = this.sentBatches;
    this.unwrittenMessages += count;
    durability.whenCommitted(durability.place, () => {
      this.unwrittenMessages -= count;
      this.durableBatches = Math.max(this.durableBatches, n);
    });
  }
}
