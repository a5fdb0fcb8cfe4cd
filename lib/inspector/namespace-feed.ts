import type {FeedEntry, FeedRequest} from '../protocol/feed.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Timeline} from './timeline.js';
import {shortId} from './view-context.js';

const DIRECTIONS: Record<FeedEntry['direction'], (tab?: string) => string> = {
  'from tab': tab => `tab ${tab === undefined ? '?' : shortId(tab)} to host`,
  'to server': () => 'host to server',
  'from server': () => 'server to host'
};

/** Asks the host for the messages of all tabs and of the server. The host keeps them while it is asked, and no longer. */
export class NamespaceFeed {
  private since = 0;
  private epoch: string | undefined;

  constructor(private readonly connection: ProxyConnection, private readonly timeline: Timeline) {}

  /** @param epoch of the host: each counts for itself */
  async read(epoch: string | undefined, data: boolean): Promise<void> {
    if (epoch !== this.epoch) this.since = 0;
    this.epoch = epoch;
    const request: FeedRequest = {since: this.since, data};
    const entries = await this.connection.callHost('host.observe', request);
    for (const {n, time, direction, tab, kind, text, data: whole} of entries) {
      this.since = n;
      this.timeline.add({time, direction: DIRECTIONS[direction](tab), kind, text, data: whole});
    }
  }
}
