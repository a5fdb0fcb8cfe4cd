import type {Clock} from '../../platform/platform.js';
import {isObject} from '../../protocol/checks.js';
import {describe} from '../../protocol/describe.js';
import type {FeedEntry, FeedRequest} from '../../protocol/feed.js';

/** How many messages are kept for the inspector. */
const MAX_ENTRIES = 500;
/** More of a message is not kept, in characters. */
const MAX_DATA = 10_000;
/** The feed ends when nobody has asked for this long, in ms. */
const IDLE_MS = 5000;

/**
 * The messages from the tabs, and to and from the server, for an inspector. It is loaded and created when an inspector asks, and
 * ends when it does not ask any more, because a page may be closed without a message.
 */
export class MessageFeed {
  private readonly entries: FeedEntry[] = [];
  private count = 0;
  private keepsData = false;
  private readAt: number;

  /** @param onIdle nobody looks any more */
  constructor(private readonly clock: Clock, private readonly onIdle: () => void) {
    this.readAt = clock.now();
    this.look();
  }

  note(direction: FeedEntry['direction'], message: object, tab?: string): void {
    this.entries.push({
      n: ++this.count, time: this.clock.now(), direction, ...(tab !== undefined && {tab}), ...describe(message),
      ...(this.keepsData && {data: JSON.stringify(message, null, 2).slice(0, MAX_DATA)})
    });
    // Not one by one: that would move all of them each time.
    if (this.entries.length >= MAX_ENTRIES * 1.25) this.entries.splice(0, this.entries.length - MAX_ENTRIES);
  }

  /** @returns what came after `since`, at most the last 500 */
  read(request: unknown): FeedEntry[] {
    const {since = 0, data = false} = (isObject(request) ? request : {}) as Partial<FeedRequest>;
    this.readAt = this.clock.now();
    this.keepsData = data === true;
    return this.entries.filter(({n}) => n > since).slice(-MAX_ENTRIES);
  }

  private look(): void {
    this.clock.after(IDLE_MS, () => {
      if (this.clock.now() - this.readAt >= IDLE_MS) this.onIdle();
      else this.look();
    });
  }
}
