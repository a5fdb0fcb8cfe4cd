import type {Clock} from '../../platform/platform.js';
import {TabsError} from '../../protocol/errors.js';
import type {Tab} from '../tab.js';

/** Time limit for a tab's token, in ms. A frozen tab does not answer. */
const TOKEN_MS = 5000;
/** Delay before the next tab is asked while one has not answered, in ms. */
const NEXT_MS = 250;
/** How long a host waits for a tab that can supply tokens, in ms. */
const TAB_MS = 30_000;

/** The error if no tab has supplied a token. `message` contains the last tab's error. */
export class NoTokenError extends TabsError {
  constructor(reason: string) {
    super('ERR_TABS_NO_TOKEN', `No tab gave a token: ${reason}`);
  }
}

/**
 * Gets tokens, by which the server identifies the user. Only the tabs have them. The host asks for one at each connection attempt, and
 * stores none.
 */
export class Tokens {
  /** The error of the last attempt; undefined if a tab has supplied a token. */
  failure: NoTokenError | undefined;
  /** The callbacks that wait for another tab to ask. Each is called once. */
  private waiting: (() => void)[] = [];

  constructor(private readonly tabs: () => Iterable<Tab>, private readonly clock: Clock) {}

  /** A tab that can supply tokens has connected or changed its visibility. */
  noteTab(): void {
    const {waiting} = this;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  /**
   * Asks the tabs for a token: visible tabs first, then the newest. If a tab has not answered within 250 ms, because it may be frozen, the
   * next tab is asked, too. The first token counts. Rejects with a {@link NoTokenError} if no tab supplies one in time.
   */
  async get(): Promise<string> {
    if (!this.inOrder().length) await this.tabConnected();
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
      // A tab that connects or becomes visible while the others have not answered is asked, too.
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

  private tabConnected(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.clock.after(TAB_MS, resolve);
      this.waiting.push(() => {
        cancel();
        resolve();
      });
    });
  }
}
