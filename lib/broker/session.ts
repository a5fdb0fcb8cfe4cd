import {TabsError, decodeError, encodeError, type ErrorData} from '../protocol/errors.js';
import type {Batch, End, Locked, Side} from '../protocol/frames.js';
import type {SessionId} from '../protocol/ids.js';
import type {Channel, Clock} from '../platform/platform.js';

/** After this many received batches, a side that has nothing to send acknowledges them with an empty batch. */
const ACK_EVERY = 16;
/** If the other side has left this much unacknowledged, for example because its page is frozen, the session ends. */
const MAX_UNACKED_BATCHES = 4096;
const MAX_UNACKED_CHARS = 64 * 1024 * 1024;
/** After a pause of this many ms, the next message is posted in a microtask instead of in the next tick (see `isApart`). */
const REST_MS = 4;
/** The most characters in one batch of several messages. The other side handles the first batch while the next are being sent. */
const BATCH_CHARS = 64 * 1024;

export interface Message {
  a: string;
  [field: string]: unknown;
}

/** A frame in the outbox. It ends its batch. It has a method `post`, so that a tab without services does not load that code. */
export interface WaitingFrame {
  /** The assumed size of the frame, in characters. */
  readonly length: number;
  /** Posts the batch that ends with this frame. */
  post(channel: Channel, batch: Batch): void;
}

export interface SessionOptions {
  id: SessionId;
  side: Side;
  channel: Channel;
  clock: Clock;
  nextTick(callback: () => void): void;
  /** Whether the other side is in another context, which can't observe if a message was posted in a microtask. Default false. */
  isApart?: boolean;
  /** Called before the messages of batch `n` are handled. See {@link Batch.durable}. */
  onBatch?(n: number, durable: number, isDown: boolean): void;
  /** Called in order for each message of the other side except calls and replies. A frame is passed as `{a: 'service', frame}`. */
  onMessage(message: Message): void;
  /** Called when the other side has sent something that is not a message. */
  onMalformed(what: string): void;
  /** Called once before the session ends because a batch is missing or the other side is too far behind. */
  onBroken(reason: string): void;
  /** Answers a call of the other side. The reply has the returned or resolved value, or the thrown or rejected error. */
  onCall?(name: string, args: unknown): unknown;
}

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: Error): void;
  cancelTimeout(): void;
}

/**
 * A session between one tab and one host. Messages arrive in order and without gaps; a batch contains the messages of one turn of
 * the event loop. Each call settles exactly once. Both sides run this code; `HostSession` adds the host's durability.
 */
export class Session {
  readonly id: SessionId;
  private readonly options: SessionOptions;
  /** @internal */
  readonly channel: Channel;
  /** @internal */
  outbox: (string | WaitingFrame)[] = [];
  private flushScheduled = false;
  protected flushedAt = 0;
  private turns = 0;
  private acknowledgedTurns = 0;
  protected sentBatches = 0;
  private receivedBatches = 0;
  private acknowledged = 0;
  private unackedReceived = 0;
  private unacked: {chars: number; turn: number}[] = [];
  private unackedChars = 0;
  private ended = false;
  private nextCall = 1;
  private readonly calls = new Map<number, PendingCall>();

  constructor(options: SessionOptions) {
    this.options = options;
    this.id = options.id;
    this.channel = options.channel;
  }

  /** The number of the turn in which the next message will be sent. */
  get nextTurn(): number {
    return this.turns + 1;
  }

  /** The number of the last turn whose messages the other side has all handled. */
  get acknowledgedTurn(): number {
    return this.acknowledgedTurns;
  }

  /** The number of batches that this side has sent, and that the other side has handled. */
  get progress(): {sentBatches: number; acknowledgedBatches: number} {
    return {sentBatches: this.sentBatches, acknowledgedBatches: this.acknowledged};
  }

  /** @param message an object, or its JSON */
  send(message: Message | string): void {
    if (this.ended) return;
    this.put(message);
    this.scheduleFlush();
  }

  /** Adds a message to the outbox without scheduling a flush. */
  protected put(message: Message | string): void {
    if (!this.ended) this.outbox.push(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /**
   * Calls the other side.
   * @param timeout time limit for the answer, in ms
   * @returns the value of the other side's `onCall`. Rejects with its error, ERR_TABS_TIMEOUT or ERR_TABS_SESSION_ENDED.
   */
  call(name: string, args: unknown, timeout: number): Promise<unknown> {
    if (this.ended) return Promise.reject(sessionEnded(name));
    const callbackId = this.nextCall++;
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.options.clock.after(timeout, () => {
        this.settle(callbackId, call => call.reject(
          new TabsError('ERR_TABS_TIMEOUT', `No answer to ${name} within ${timeout} ms`)
        ));
      });
      this.calls.set(callbackId, {resolve, reject, cancelTimeout});
      this.send({a: 'call', callbackId, name, args});
    });
  }

  receive(batch: Batch): void {
    if (this.ended || batch.session !== this.id || batch.from === this.options.side) return;
    if (batch.n !== this.receivedBatches + 1) {
      return this.break(`expected batch ${this.receivedBatches + 1}, received ${batch.n}`);
    }
    if (batch.ack > this.sentBatches) return this.break('acknowledgement of a batch that was not sent');
    this.receivedBatches = batch.n;
    this.noteAcknowledged(batch.ack);
    this.options.onBatch?.(batch.n, typeof batch.durable === 'number' ? batch.durable : batch.n, batch.down === true);
    for (const text of batch.messages) {
      if (this.ended) return;
      const message = parseMessage(text);
      if (message) this.dispatch(message);
      else this.options.onMalformed('a message that is not a JSON object with an action');
    }
    for (const frame of batch.frames ?? []) if (!this.ended) this.options.onMessage({a: 'service', frame});
    if ((batch.messages.length || batch.frames) && ++this.unackedReceived >= ACK_EVERY) this.scheduleFlush();
  }

  protected get clock(): Clock {
    return this.options.clock;
  }

  /** Sends waiting messages now instead of at the end of the turn. */
  flush(): void {
    if (this.ended) return;
    this.flushScheduled = false;
    this.flushedAt = this.clock.now();
    this.release(++this.turns);
  }

  /** Posts the messages of a turn. A host may post them later. */
  protected release(turn: number): void {
    this.post(this.outbox.length, turn);
  }

  /** @param durable the last batch whose content is durable, if not all of the content is: see {@link Batch.durable} */
  protected post(count: number, turn: number, durable?: number, isDown = false): void {
    if (this.ended || (!count && this.unackedReceived < ACK_EVERY)) return;
    const messages = this.outbox.splice(0, count);
    this.unackedReceived = 0;
    let from = 0;
    do {
      let chars = 0;
      let to = from;
      while (to < messages.length && (to === from || (chars + messages[to]!.length <= BATCH_CHARS && typeof messages[to - 1] === 'string'))) chars += messages[to++]!.length;
      this.postBatch(messages.slice(from, to), chars, to < messages.length ? turn - 1 : turn, durable, isDown);
      from = to;
    } while (from < messages.length && !this.ended);
  }

  private postBatch(messages: (string | WaitingFrame)[], chars: number, turn: number, durable: number | undefined, isDown: boolean): void {
    this.sentBatches++;
    this.unacked.push({chars, turn});
    this.unackedChars += chars;
    const batch: Batch = {
      type: 'batch', session: this.id, from: this.options.side,
      n: this.sentBatches, ack: this.receivedBatches, ...(this.options.side === 'tab' && {time: this.options.clock.now()}), ...(durable !== undefined && {durable, ...(isDown && {down: true as const})}), messages: messages as string[]
    };
    const last = messages.at(-1);
    if (typeof last === 'object') last.post(this.channel, batch);
    else this.channel.postMessage(batch);
    if (this.unacked.length > MAX_UNACKED_BATCHES || this.unackedChars > MAX_UNACKED_CHARS) {
      this.break('the other side is too far behind');
    }
  }

  /** Notifies the other side that the session has ended. */
  sendEnd(reason: string): void {
    const {id, options: {side, clock}} = this;
    this.channel.postMessage({type: 'end', session: id, from: side, reason, ...(side === 'tab' && {time: clock.now()})} satisfies End);
  }

  /** Notifies the host that the tab holds its lock. */
  sendLocked(): void {
    this.channel.postMessage({type: 'locked', session: this.id, from: 'tab'} satisfies Locked);
  }

  /** Whether a call of this side has no answer yet. */
  get hasOpenCalls(): boolean {
    return this.calls.size > 0;
  }

  /** Ends this side of the session. Nothing more is sent or received, and open calls are rejected. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.outbox = [];
    for (const callbackId of [...this.calls.keys()]) {
      this.settle(callbackId, call => call.reject(sessionEnded('the call')));
    }
  }

  private dispatch(message: Message): void {
    switch (message.a) {
      case 'call':
        return this.answer(message);
      case 'callback':
        return this.settle(message['callbackId'], call => {
          if (message['error']) call.reject(decodeError(message['error'] as ErrorData));
          else call.resolve(message['value']);
        });
      default:
        return this.options.onMessage(message);
    }
  }

  private answer({callbackId, name, args}: Message): void {
    if (typeof callbackId !== 'number' || typeof name !== 'string') return this.options.onMalformed('a call without a name');
    Promise.resolve()
      .then(() => {
        if (!this.options.onCall) throw new TabsError('ERR_MESSAGE_BADLY_FORMED', `Unknown call ${name}`);
        return this.options.onCall(name, args);
      })
      .then(
        value => this.send({a: 'callback', callbackId, value}),
        (error: unknown) => this.send({a: 'callback', callbackId, error: encodeError(error)})
      );
  }

  /** The only place where a call settles. */
  private settle(callbackId: unknown, how: (call: PendingCall) => void): void {
    const call = this.calls.get(callbackId as number);
    if (!call) return;
    this.calls.delete(callbackId as number);
    call.cancelTimeout();
    how(call);
  }

  private noteAcknowledged(ack: number): void {
    while (this.acknowledged < ack) {
      this.acknowledged++;
      const {chars, turn} = this.unacked.shift()!;
      this.unackedChars -= chars;
      this.acknowledgedTurns = turn;
    }
  }

  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    const {isApart, nextTick} = this.options;
    // The first edit after a pause is sent without delay. Edits of other documents in the same turn follow in one batch.
    const later = isApart && this.clock.now() - this.flushedAt >= REST_MS ? queueMicrotask : nextTick;
    later(() => this.flush());
  }

  protected break(reason: string): void {
    if (this.ended) return;
    this.options.onBroken(reason);
    this.end();
  }
}

function sessionEnded(what: string): TabsError {
  return new TabsError('ERR_TABS_SESSION_ENDED', `The session with the host ended before ${what} was answered`);
}

function parseMessage(text: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(text);
    if (message && typeof message === 'object' && typeof (message as Message).a === 'string') return message as Message;
  } catch {
    // The text is not JSON. The caller reports it.
  }
  return undefined;
}
