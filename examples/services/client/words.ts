import type {ServiceHost} from 'sharedb-tabs/worker';

export interface Text {
  lines: string[];
}

/** Runs in the host, once for all tabs. It follows the text with a connection of its own. */
export class Words {
  private readonly followers = new Set<(count: number) => PromiseLike<unknown>>();
  private readonly ready: Promise<void>;
  /** The number of slow counts that were begun. */
  slow = 0;

  constructor(private readonly host: ServiceHost) {
    this.doc.on('op', () => this.tell());
    this.ready = this.open();
  }

  private get doc() {
    return this.host.connection.get<Text>('texts', 'one');
  }

  private async open(): Promise<void> {
    await this.doc.subscribe();
    if (!this.doc.type) void this.doc.create({lines: ['One text, three tabs, one service.']});
  }

  async count(): Promise<number> {
    await this.ready;
    return this.doc.data!.lines.join(' ').split(/\s+/).filter(Boolean).length;
  }

  /** When this resolves in a tab, the tab's document shows the line. */
  async add(line: string): Promise<number> {
    await this.ready;
    void this.doc.submitOp([{p: ['lines', this.doc.data!.lines.length], li: line}]);
    return this.count();
  }

  /** Calls back with each new count, while the tab lives. */
  async follow(callback: (count: number) => PromiseLike<unknown>): Promise<void> {
    this.followers.add(callback);
    await callback(await this.count());
  }

  /** Streams the text line by line, only as fast as the reader takes it. */
  async export(): Promise<ReadableStream<Uint8Array>> {
    await this.ready;
    const lines = [...this.doc.data!.lines];
    const encoder = new TextEncoder();
    return new ReadableStream({
      pull(controller) {
        const line = lines.shift();
        if (line === undefined) controller.close();
        else controller.enqueue(encoder.encode(`${line}\n`));
      }
    });
  }

  /** Counts after a delay, in ms, so the host may end meanwhile. Only `slow` changes, so the call can be repeated. */
  async countSlowly(ms: number): Promise<number> {
    this.slow++;
    await new Promise(resolve => setTimeout(resolve, ms));
    return this.count();
  }

  private tell(): void {
    void this.count().then(count => {
      for (const follower of this.followers) follower(count).then(undefined, () => this.followers.delete(follower));
    });
  }
}
