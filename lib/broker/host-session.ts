import {Session, type Message, type SessionOptions} from './session.js';

/**
 * The largest number of sent messages whose content is not durable yet. If the host is lost, a tab has to return to the state
 * before these messages.
 */
export const MAX_UNWRITTEN_MESSAGES = 128;

/** The shortest time between two batches of messages that may wait, in ms. Each batch starts a task in the tab's thread. */
const GATHER_MS = 8;

/**
 * When a message may be sent.
 * - 'durable': when all changes made before it are durable.
 * - 'repeatable': as 'durable', but changes that would be received again after a loss of the host do not count.
 * - 'own': at once. After a loss of the host, the tab itself sends the content again.
 */
export type DeliveryRule = 'durable' | 'repeatable' | 'own';

/** Notifies a session when changes are durable. */
export interface Durability {
  /** The number of the last change, and the number of the last change that would not be received again after a loss. */
  readonly lastChange: number;
  readonly lastNeededChange: number;
  /**
   * Calls `callback` once, when all changes up to `change` are durable or the storage has failed; synchronously if that is already the
   * case. The callbacks of one change run in order.
   * @param hurries whether the write must start without waiting for changes to group it with. Default true.
   */
  whenCommittedOrFailed(change: number, callback: () => void, hurries?: boolean): void;
  /** As `whenCommittedOrFailed`, but also waits for the commit if the storage fails, and does not start the write early. */
  whenCommitted(change: number, callback: () => void): void;
  /** Whether the storage has failed, so that the host does not wait for it. Nothing that is sent meanwhile is durable. */
  readonly isDown: boolean;
  readonly isWriting: boolean;
}

export interface HostSessionOptions extends SessionOptions {
  /** Messages are held back until their content is durable. If missing, they are sent at once. */
  durability?: Durability | undefined;
}

/** A host's side of a session. It holds each message back as the message's {@link DeliveryRule} requires. */
export class HostSession extends Session {
  private readonly durability: Durability | undefined;
  /** The number of messages at the head of the outbox that wait for a commit, and the number of the change that they wait for. */
  private heldBack = 0;
  private heldFor = 0;
  /** The strictest rule of the messages added since the last `release`. */
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
   * @param rule when the message may be sent
   * @param mayWait whether more messages follow soon, so that this one may be sent with them
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

  /** Ends the session with a tab that does not answer. The tab resumes when its thread runs again. */
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
    // Later messages may contain later changes, so they are released separately.
    const count = this.outbox.length - this.heldBack;
    const rule = this.unwrittenMessages + count > MAX_UNWRITTEN_MESSAGES ? 'durable' : this.deliveryRule;
    this.deliveryRule = 'own';
    // Messages keep their order, so this release waits for at least the change that earlier ones wait for.
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

  /** Updates `durableBatches` when the content of a batch that was sent before its write is durable. */
  private awaitDurable(count: number, durability: Durability): void {
    const n = this.sentBatches;
    this.unwrittenMessages += count;
    durability.whenCommitted(durability.lastChange, () => {
      this.unwrittenMessages -= count;
      this.durableBatches = Math.max(this.durableBatches, n);
    });
  }
}
