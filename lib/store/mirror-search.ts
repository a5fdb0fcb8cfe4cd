import type {Platform} from '../platform/platform.js';
import type {Epoch} from '../protocol/ids.js';
import type {MirrorMessage, MirrorPosition} from '../protocol/mirror.js';
import type {SavedContent} from '../protocol/stored.js';
import {mirrorLockNames} from '../protocol/version.js';

/** A dead host's last messages can still be on their way to the mirrors (see the session server, which waits as long for tabs). */
const DRAIN_MS = 50;
/** How long the mirrors may take to answer, and one of them to send what it has. */
const ANSWER_MS = 1000;
/** Without locks, nobody knows whether there are mirrors: every start of a host waits this long for an answer, in ms. */
const LOOK_MS = 100;

export interface Found {
  mirror: string;
  place: MirrorPosition;
  content: SavedContent;
}

/** A new host's search for what an earlier one has left in the tabs. */
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

  /** @returns undefined if there is nothing: at once, if no tab holds a mirror's lock */
  async find(): Promise<Found | undefined> {
    const mirrors = await this.countMirrors();
    if (mirrors === 0) return undefined;
    if (mirrors !== undefined) await this.until(() => false, DRAIN_MS);
    this.post({type: 'ask', host: this.epoch});
    await this.until(() => this.answers.size >= (mirrors ?? Infinity), mirrors === undefined ? LOOK_MS : ANSWER_MS);
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
        // Has just become a mirror, and looks for content itself.
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

  /** @returns undefined if that can't be known */
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

  /** The mirrors that have something: of the latest host first, and of those who has come furthest. */
  private bestFirst(): string[] {
    const having = [...this.answers].filter((answer): answer is [string, MirrorPosition] => !!answer[1]);
    return having.sort(([, a], [, b]) => b.term - a.term || b.n - a.n).map(([mirror]) => mirror);
  }

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
