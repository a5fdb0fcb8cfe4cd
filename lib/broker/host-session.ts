import {Session, type Message, type SessionOptions} from './session.js';

/** So many messages may be under way that tell of what is not durable: a tab may have to go back behind them. */
export const MAX_EARLY_MESSAGES = 128;

/**
 * When a message may be sent: 'durable', when all that was written before is; 'repeatable', not waiting for what
 * would come again if it were lost with the host; 'own', at once: the tab itself would say it again.
 */
export type Care = 'durable' | 'repeatable' | 'own';

/** When what was written so far may be told. */
export interface Durability {
  /** Calls back once, when all of it is durable. @param hurries whether that is not to take longer than it must. Default true. */
  whenDurable(callback: () => void, hurries?: boolean): void;
  /** The same, but for what would come again if it were lost. */
  whenTellable(callback: () => void): void;
  readonly isWriting: boolean;
}

export interface HostSessionOptions extends SessionOptions {
  /** Holds back what is to be sent until what it tells of is durable. Default: sends at once. */
  durability?: Durability | undefined;
}

/** A host's side of a session: what it tells of is to be durable first. */
export class HostSession extends Session {
  private readonly durability: Durability | undefined;
  /** How many of the first messages in the outbox already wait to become durable. */
  private heldBack = 0;
  /** What the message in the outbox that needs most needs. */
  private care: Care = 'own';
  /** Up to which batch everything is durable that they tell of. */
  private durableBatches = 0;
  private earlyMessages = 0;

  constructor(options: HostSessionOptions) {
    super(options);
    this.durability = options.durability;
  }

  /** @param care what it has to wait for */
  override send(message: Message | string, care: Care = 'durable'): void {
    if (care === 'durable' || this.care === 'own') this.care = care;
    super.send(message);
  }

  protected override release(turn: number): void {
    const {durability} = this;
    if (!durability) return super.release(turn);
    // What comes after this moment may tell of something that is durable later.
    const count = this.outbox.length - this.heldBack;
    // What waits already must not be overtaken.
    const care = this.heldBack || this.earlyMessages > MAX_EARLY_MESSAGES ? 'durable' : this.care;
    this.care = 'own';
    this.heldBack += count;
    const post = (): void => {
      this.heldBack -= count;
      const before = this.sentBatches;
      const isEarly = care !== 'durable' && durability.isWriting;
      this.post(count, turn, isEarly ? this.durableBatches : undefined);
      if (this.sentBatches === before) return;
      if (isEarly) this.awaitDurable(count, durability);
      else this.durableBatches = this.sentBatches;
    };
    if (care === 'own') post();
    else if (care === 'repeatable') durability.whenTellable(post);
    else durability.whenDurable(post);
  }

  /** Tells the session when what was sent early is durable. */
  private awaitDurable(count: number, durability: Durability): void {
    const n = this.sentBatches;
    this.earlyMessages += count;
    durability.whenDurable(() => {
      this.earlyMessages -= count;
      this.durableBatches = Math.max(this.durableBatches, n);
    }, false);
  }
}
