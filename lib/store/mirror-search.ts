import type {Platform} from '../platform/platform.js';
import type {Epoch} from '../protocol/ids.js';
import type {MirrorMessage, MirrorPosition} from '../protocol/mirror.js';
import type {SavedContent} from '../protocol/stored.js';
import {mirrorLockNames} from '../protocol/version.js';

/** How long the last messages of a host may take to reach the mirrors after it has ended, in ms. As `DRAIN_MS` of the session server. */
const DRAIN_MS = 50;
/** How long the mirrors may take to answer, and a mirror to send its content, in ms. */
const ANSWER_MS = 1000;
/** How long a host waits for answers if it can't find out how many mirrors there are, in ms. Then each start of a host waits this long. */
const SEARCH_MS = 100;

export interface Found {
  mirror: string;
  place: MirrorPosition;
  content: SavedContent;
}

/** A new host's search for the content of an earlier host in the tabs. */
export class MirrorSearch {
  private readonly answers = new Map<string, MirrorPosition | undefined>();
  private found: Omit<Found, 'mirror'> | undefined;
  private check: () => void = () => {};

  constructor(
    private readonly platform: Pick<Platform, 'locks' | 'clock'>,
    private readonly namespace: string,
    private readonly epoch: Epoch,
    private readonly post: (message: MirrorMessage) => void
  ) {}

  /** @returns the best mirror and its content; undefined if there is none. Resolves without a wait if no tab holds a mirror's lock. */
  async find(): Promise<Found | undefined> {
    const mirrors = await this.countMirrors();
    if (mirrors === 0) return undefined;
    if (mirrors !== undefined) await this.until(() => false, DRAIN_MS);
    this.post({type: 'ask', host: this.epoch});
    await this.until(() => this.answers.size >= (mirrors ?? Infinity), mirrors === undefined ? SEARCH_MS : ANSWER_MS);
    for (const mirror of this.bestFirst()) {
      this.post({type: 'send', host: this.epoch, mirror});
      await this.until(() => !!this.found, ANSWER_MS);
      if (this.found) return {mirror, ...this.found};
    }
    return undefined;
  }

  receive(message: MirrorMessage): void {
    switch (message.type) {
      case 'have':
        if (message.host === this.epoch) this.answers.set(message.mirror, message.place);
        break;
      case 'join':
        // A tab that has just become a mirror has no content.
        this.answers.set(message.mirror, undefined);
        break;
      case 'content':
        if (message.to === this.epoch) this.found ??= {place: message.place, content: message.content};
        break;
      default:
        return;
    }
    this.check();
  }

  /** @returns the number of held mirror locks; undefined if it can't be determined */
  private async countMirrors(): Promise<number | undefined> {
    const {locks} = this.platform;
    if (!locks?.query) return undefined;
    const names = mirrorLockNames(this.namespace);
    try {
      const {held = []} = await locks.query();
      return held.filter(({name}) => name !== undefined && names.includes(name)).length;
    } catch {
      return undefined;
    }
  }

  /** The mirrors with content: those of the latest host first, and of these the one with the most changes. */
  private bestFirst(): string[] {
    const having = [...this.answers].filter((answer): answer is [string, MirrorPosition] => !!answer[1]);
    return having.sort(([, a], [, b]) => b.term - a.term || b.n - a.n).map(([mirror]) => mirror);
  }

  /** Resolves when the condition is true, which is checked after each message, or after `ms` milliseconds. */
  private until(isDone: () => boolean, ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.platform.clock.after(ms, () => resolve());
      this.check = () => {
        if (!isDone()) return;
        cancel();
        resolve();
      };
      this.check();
    });
  }
}
