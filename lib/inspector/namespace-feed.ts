import type {FeedEntry, FeedRequest} from '../protocol/feed.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Timeline} from './timeline.js';
import {shortId} from './view-context.js';

const DIRECTIONS: Record<FeedEntry['direction'], (tab?: string) => string> = {
  'from tab': tab => `tab ${tab === undefined ? '?' : shortId(tab)} to host`,
  'to server': () => 'host to server',
  'from server': () => 'server to host'
};

/** Requests the messages of all tabs and of the server from the host. The host records messages only as long as requests arrive. */
export class NamespaceFeed {
  private since = 0;
  private epoch: string | undefined;
  private stops = 0;

  constructor(private readonly connection: ProxyConnection, private readonly timeline: Timeline) {}

  /**
   * Adds the messages since the last call to the timeline. Calls may overlap.
   * @param epoch the epoch of the host. Each host numbers its messages from 1
   * @param data whether to request whole messages, with documents' data
   */
  async read(epoch: string | undefined, data: boolean): Promise<void> {
    if (epoch !== this.epoch) this.since = 0;
    this.epoch = epoch;
    const {stops} = this;
    const request: FeedRequest = {since: this.since, data};
    const entries = await this.connection.callHost('host.observe', request);
    if (stops !== this.stops) return;
    for (const {n, time, direction, tab, kind, text, data: whole} of entries) {
      // The answer to an overlapping call has already contained it.
      if (n <= this.since) continue;
      this.since = n;
      this.timeline.add({time, direction: DIRECTIONS[direction](tab), kind, text, data: whole});
    }
  }

  /** Ignores the answers to calls that are under way. */
  stop(): void {
    this.stops++;
  }
}
