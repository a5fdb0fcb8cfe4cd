import type {Clock} from '../../platform/platform.js';
import {isObject} from '../../protocol/checks.js';
import {describe} from '../../protocol/describe.js';
import type {FeedEntry, FeedRequest} from '../../protocol/feed.js';

/** The number of messages that are kept for the inspector. */
const MAX_ENTRIES = 500;
/** The most characters of a message's JSON that are kept. */
const MAX_DATA = 10_000;
/** How long the feed is kept without a request, in ms. */
const IDLE_MS = 5000;

/**
 * Keeps the messages from the tabs, and to and from the server, for an inspector. An inspector's request creates the feed. The feed
 * ends when requests stop, because a page may be closed without a message.
 */
export class MessageFeed {
  private readonly entries: FeedEntry[] = [];
  private readAt: number;
  /** When an inspector last requested whole messages. Another one that reads the same feed may not request them. */
  private dataReadAt = -Infinity;

  /**
   * @param nextNumber returns the number of the next message. The numbers of a host's later feeds continue, because an inspector requests what
   *   follows the last number that it knows
   * @param onIdle called when there was no request for IDLE_MS
   */
  constructor(private readonly clock: Clock, private readonly nextNumber: () => number, private readonly onIdle: () => void) {
    this.readAt = clock.now();
    this.look();
  }

  note(direction: FeedEntry['direction'], message: object, tab?: string): void {
    const time = this.clock.now();
    this.entries.push({
      n: this.nextNumber(), time, direction, ...(tab !== undefined && {tab}), ...describe(message),
      ...(time - this.dataReadAt < IDLE_MS && {data: JSON.stringify(message, null, 2).slice(0, MAX_DATA)})
    });
    // The oldest entries are removed in groups, because each removal moves all other entries.
    if (this.entries.length >= MAX_ENTRIES * 1.25) this.entries.splice(0, this.entries.length - MAX_ENTRIES);
  }

  /** @returns the entries with numbers above `since`, at most the last 500; with data only if this request wants them */
  read(request: unknown): FeedEntry[] {
    const {since = 0, data = false} = (isObject(request) ? request : {}) as Partial<FeedRequest>;
    this.readAt = this.clock.now();
    if (data === true) this.dataReadAt = this.readAt;
    const entries = this.entries.filter(({n}) => n > since).slice(-MAX_ENTRIES);
    return data === true ? entries : entries.map(({data: _data, ...entry}) => entry);
  }

  private look(): void {
    this.clock.after(IDLE_MS, () => {
      if (this.clock.now() - this.readAt >= IDLE_MS) this.onIdle();
      else this.look();
    });
  }
}
