import type {Clock} from '../../platform/platform.js';
import {TabsError} from '../../protocol/errors.js';
import type {Tab} from '../tab.js';

/** How long one tab may take to give its token, in ms: a frozen one never answers. */
const TOKEN_MS = 5000;
/** How long the next tab is not asked, in ms, while one has not answered. */
const NEXT_MS = 250;
/** How long a host without tabs waits for one, in ms. */
const TAB_MS = 30_000;

/** No tab has given a token. `message` says what the last one that was asked had to say. */
export class NoTokenError extends TabsError {
  constructor(reason: string) {
    super('ERR_TABS_NO_TOKEN', `No tab gave a token: ${reason}`);
  }
}

/**
 * The tokens by which the server knows the user. Only the tabs have them: the host asks one for each
 * (re)connect, and keeps none.
 */
export class Tokens {
  /** Why there was none the last time. */
  failure: NoTokenError | undefined;
  /** Called once, when there may be another tab to ask. */
  private waiting: (() => void)[] = [];

  constructor(private readonly tabs: () => Iterable<Tab>, private readonly clock: Clock) {}

  /** A tab that has tokens is there, or has come to the front. */
  noteTab(): void {
    const {waiting} = this;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  /**
   * Asks visible tabs first, then the newest. While a tab has not answered, which may be frozen, the next one is asked 250 ms
   * later; the first token counts.
   * Rejects with a {@link NoTokenError} where none has answered in time.
   */
  async get(): Promise<string> {
    if (!this.inOrder().length) await this.tabComes();
    try {
      const token = await new Promise<string>((resolve, reject) => this.ask(new Set(), resolve, reject));
      this.failure = undefined;
      return token;
    } catch (reason) {
      throw (this.failure = new NoTokenError(reason instanceof Error ? reason.message : String(reason)));
    }
  }

  private ask(asked: Set<Tab>, resolve: (token: string) => void, reject: (reason: unknown) => void): void {
    let open = 0;
    let isOver = false;
    let last: unknown = 'There is no tab to ask';
    let cancel = (): void => {};
    const next = (): void => {
      cancel();
      if (isOver) return;
      const tab = this.inOrder().find(tab => !asked.has(tab));
      if (tab) return askOne(tab);
      if (!open) return end(() => reject(last));
      // One that comes, or comes to the front, while the others are silent.
      this.waiting.push(next);
    };
    const end = (act: () => void): void => {
      isOver = true;
      cancel();
      act();
    };
    const askOne = (tab: Tab): void => {
      asked.add(tab);
      open++;
      cancel = this.clock.after(NEXT_MS, next);
      const fail = (reason: unknown): void => {
        open--;
        last = reason;
        next();
      };
      tab.session!.call('tab.token', null, TOKEN_MS).then(token => {
        if (typeof token === 'string') end(() => resolve(token));
        else fail('getToken gave something else than a string');
      }, fail);
    };
    next();
  }

  private inOrder(): Tab[] {
    return [...this.tabs()].filter(({session, token}) => session && token)
      .sort(({token: a}, {token: b}) => Number(b!.isVisible) - Number(a!.isVisible) || b!.since - a!.since);
  }

  private tabComes(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.clock.after(TAB_MS, resolve);
      this.waiting.push(() => {
        cancel();
        resolve();
      });
    });
  }
}
