import {TabsError, decodeError} from '../protocol/errors.js';
import type {LeaseReport, ItemsMessage, QueueItem, TakeRequest} from '../protocol/queues.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {checkOptions, NUMBER, SIGNAL} from '../tab/check-options.js';
import {closed} from './document.js';
import {isLost, isTimeout} from './lost-host.js';
import {LONGEST_DELAY_MS} from '../platform/longest-delay.js';

/** How long to wait for an item. */
export interface WaitOptions {
  /** Its abort rejects the call with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** The time in ms after which the call rejects with ERR_TABS_TIMEOUT. Default Infinity. */
  timeout?: number | undefined;
}

interface Waiting {
  count: number;
  /** The request does not wait if the queue is empty. */
  isTry: boolean;
  /** A host may have received the request. */
  isAsked: boolean;
  /** The request will be sent when the host has this tab's ops. */
  isHeld: boolean;
  resolve(items: QueueItem[]): void;
  fail(error: unknown): void;
  stop(error: unknown): void;
}

/** How many requests this page has made. Each has a number of its own: several views of a queue share the tab's session with the host. */
let requests = 0;

/** Takes items of one queue for this tab. Open requests and reports are repeated to the next host. */
export class Consumer {
  private readonly waiting = new Map<string, Waiting>();
  private readonly onItems = (message: {a: string}): void => this.receive(message as ItemsMessage);
  private readonly onState = (state: string): void => {
    if (state === 'connected') for (const r of this.waiting.keys()) this.ask(r);
    else if (state === 'closed') this.stopAll(closed(this.where));
  };

  constructor(private readonly doc: ProxyDoc, private readonly where: string, private readonly options: {maxAttempts: number; leaseTimeout?: number | undefined}) {
    // An app may open many queues: the emitter must not warn of it.
    doc.connection.setMaxListeners(0);
    doc.connection.on('shared', this.onItems);
    doc.connection.on('hostState', this.onState);
  }

  private get name(): {c: string; d: string} {
    return {c: this.doc.collection, d: this.doc.id};
  }

  /**
   * Waits for 1 to `count` items.
   * @param isTry whether to resolve without items if none is available, and not to wait
   * @returns the items, and the name of the request, which is needed to report on them
   * @throws ERR_TABS_BAD_OPTION, ERR_TABS_TIMEOUT, ERR_TABS_CLOSED, the reason of the signal, the host's or server's error
   */
  take(count: number, options: WaitOptions = {}, isTry = false): Promise<{r: string; items: QueueItem[]}> {
    checkOptions(this.where, options, {signal: SIGNAL, timeout: NUMBER});
    const {signal, timeout = Infinity} = options;
    const {connection} = this.doc;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const r = `${++requests}`;
      const stop = (error: unknown): void => {
        if (waiting.isAsked) this.cancel(r);
        end();
        reject(error as Error);
      };
      const onAbort = (): void => stop(signal!.reason);
      const cancelTimer = timeout > LONGEST_DELAY_MS ? undefined
        : connection.clock.after(timeout, () => stop(new TabsError('ERR_TABS_TIMEOUT', `${this.where}: no item within ${timeout} ms`)));
      const end = (): void => {
        this.waiting.delete(r);
        cancelTimer?.();
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort);
      const waiting: Waiting = {
        count, isTry, stop, isAsked: false, isHeld: false,
        resolve: items => {
          end();
          resolve({r, items});
        },
        fail: error => {
          end();
          reject(error as Error);
        }
      };
      this.waiting.set(r, waiting);
      this.ask(r);
    });
  }

  private ask(r: string): void {
    const waiting = this.waiting.get(r)!;
    // Without this tab's own ops, the host would answer that the queue is empty although this tab has added items.
    if (!waiting.isTry) return this.send(r, waiting);
    if (waiting.isHeld) return;
    waiting.isHeld = true;
    this.doc.whenHandedOver(() => {
      waiting.isHeld = false;
      if (this.waiting.has(r)) this.send(r, waiting);
    });
  }

  private send(r: string, waiting: Waiting): void {
    const {maxAttempts, leaseTimeout} = this.options;
    const {connection} = this.doc;
    const {count, isTry} = waiting;
    waiting.isAsked ||= connection.canSend;
    const request: TakeRequest = {...this.name, r, count, maxAttempts, ...(leaseTimeout !== undefined && {leaseTimeout}), ...(isTry && {isTry})};
    connection.callHost('shared.take', request).then(
      answer => { if (answer === 'empty') this.waiting.get(r)?.resolve([]); },
      error => {
        if (!isLost(error)) this.waiting.get(r)?.fail(error);
        // After a lost host, the request is repeated when there is another one. A host that still restores the queue is asked again, because its
        // late answer is dropped.
        else if (isTimeout(error) && this.waiting.has(r)) this.ask(r);
      }
    );
  }

  /** The host releases the items that it has given to the request, also those that are still on their way. */
  private cancel(r: string): void {
    this.untilAnswered(() => this.doc.connection.callHost('shared.cancel', {...this.name, r})).catch(() => {
      // The connection is closed, so the host takes the items back.
    });
  }

  private receive({a, c, d, r, items, error}: ItemsMessage): void {
    if (a !== 'shared.items' || c !== this.doc.collection || d !== this.doc.id) return;
    const waiting = this.waiting.get(r);
    if (waiting && error) waiting.fail(decodeError(error));
    else waiting?.resolve(items);
  }

  /**
   * Reports to the host what happened to items.
   * @returns the ids of those items whose lease this tab no longer had
   */
  report(r: string, ids: string[], how: LeaseReport['how'], more: Pick<LeaseReport, 'error' | 'ms'> = {}): Promise<string[]> {
    return this.untilAnswered(isRepeat => this.doc.connection.callHost(
      'shared.report', {...this.name, r, ids, how, maxAttempts: this.options.maxAttempts, ...(isRepeat && {isRepeat}), ...more}
    ));
  }

  /** Repeats a call until a host has answered it. The next host finds in the queue what the last one has done. */
  private async untilAnswered<T>(call: (isRepeat: boolean) => Promise<T>): Promise<T> {
    const {connection} = this.doc;
    for (let isRepeat = false; ; isRepeat = true) {
      try {
        return await call(isRepeat);
      } catch (error) {
        if (connection.hostState === 'closed' || !isLost(error)) throw error;
        await new Promise<void>(resolve => {
          if (connection.hostState === 'connected') connection.clock.after(10, resolve);
          else connection.once('hostState', () => resolve());
        });
      }
    }
  }

  close(error: unknown): void {
    this.doc.connection.off('shared', this.onItems);
    this.doc.connection.off('hostState', this.onState);
    this.stopAll(error);
  }

  private stopAll(error: unknown): void {
    for (const {stop} of [...this.waiting.values()]) stop(error);
  }
}
