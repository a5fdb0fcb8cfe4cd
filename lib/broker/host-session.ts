import {Session, type Message, type SessionOptions} from './session.js';

/**
 * The largest number of sent messages whose content is not durable yet. After a loss, a tab has to return to the state before
 * them.
 */
export const MAX_UNWRITTEN_MESSAGES = 128;

/** Messages that may wait leave at most once in this many ms while more follow, so that they wake the tab's thread less often. */
const GATHER_MS = 8;

/**
 * When a message may be sent.
 * - 'durable': after everything written before is durable.
 * - 'repeatable': like 'durable', but writes that would be received again after a loss of the host do not count.
 * - 'own': at once. The tab itself would repeat it.
 */
export type DeliveryRule = 'durable' | 'repeatable' | 'own';

/** Tells a session when the writes so far are durable. */
export interface Durability {
  /** The number of the last change, and that of the last change that would not be received again if it were lost. */
  readonly lastChange: number;
  readonly lastNeededChange: number;
  /**
   * Calls back once, when everything up to a change is durable or the storage fails; at once if that is so already. Callbacks for one change
   * run in order.
   * @param hurries whether the write must not be delayed to be grouped with others. Default true.
   */
  whenCommittedOrFailed(change: number, callback: () => void, hurries?: boolean): void;
  /** Like `whenCommittedOrFailed`, but waits for the commit even if the storage fails, and does not hurry. */
  whenCommitted(change: number, callback: () => void): void;
  /** Whether the host does not wait for the storage at present. Nothing that is sent then is durable. */
  readonly isDown: boolean;
  readonly isWriting: boolean;
}

export interface HostSessionOptions extends SessionOptions {
  /** Holds messages back until their content is durable. Default: sends at once. */
  durability?: Durability | undefined;
}

/** A host's side of a session. It sends a message only after the content is durable, as its {@link DeliveryRule} says. */
export class HostSession extends Session {
  private readonly durability: Durability | undefined;
  /** How many messages at the head of the outbox already wait to become durable, and the sequence number that they wait for. */
  private heldBack = 0;
  private heldFor = 0;
  /** The strictest rule among the messages that are not released yet. */
  private deliveryRule: DeliveryRule = 'own';
  /** The content of all batches up to this number is durable. */
  private durableBatches = 0;
  private unwrittenMessages = 0;
  private cancelBatching: (() => void) | undefined;

  constructor(options: HostSessionOptions) {
    super(options);
    this.durability = options.durability;
  }

  /**
   * @param rule the rule that the message waits for
   * @param mayWait whether more messages follow soon, so that this one may leave with them
   */
  override send(message: Message | string, rule: DeliveryRule = 'durable', mayWait = false): void {
    if (rule === 'durable' || this.deliveryRule === 'own') this.deliveryRule = rule;
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

  /** Ends the session with a tab that does not answer. The tab resumes when it wakes. */
  endSilent(reason: string): void {
    this.break(reason);
  }

  override end(): void {
    this.cancelBatching?.();
    super.end();
  }

  protected override release(turn: number): void {
    const {durability} = this;
    if (!durability) return super.release(turn);
    // Only the messages that are in the outbox now: later ones may contain later writes.
    const count = this.outbox.length - this.heldBack;
    const rule = this.unwrittenMessages + count > MAX_UNWRITTEN_MESSAGES ? 'durable' : this.deliveryRule;
    this.deliveryRule = 'own';
    // Messages keep their order, so this release waits at least as long as those before it.
    if (!this.heldBack) this.heldFor = 0;
    if (rule !== 'own') this.heldFor = Math.max(this.heldFor, rule === 'durable' ? durability.lastChange : durability.lastNeededChange);
    this.heldBack += count;
    durability.whenCommittedOrFailed(this.heldFor, () => {
      this.heldBack -= count;
      const before = this.sentBatches;
      const isBeforeWrite = (rule !== 'durable' || durability.isDown) && durability.isWriting;
      this.post(count, turn, isBeforeWrite ? this.durableBatches : undefined, durability.isDown);
      if (this.sentBatches === before) return;
      if (isBeforeWrite) this.awaitDurable(count, durability);
      else this.durableBatches = this.sentBatches;
    });
  }

  /** Notes when the content of a batch that was sent before the write is durable. */
  private awaitDurable(count: number, durability: Durability): void {
    const n = this.sentBatches;
    this.unwrittenMessages += count;
    durability.whenCommitted(durability.lastChange, () => {
      this.unwrittenMessages -= count;
      this.durableBatches = Math.max(this.durableBatches, n);
    });
  }
}
