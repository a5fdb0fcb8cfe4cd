import type {Clock} from '../platform/platform.js';
import type {Tab} from './tab.js';

/** How long one tab may take to give its token, in ms: a frozen one never answers. */
const TOKEN_MS = 5000;
/** How long a host without tabs waits for one, in ms. */
const TAB_MS = 30_000;

/** No tab has given a token. `message` says what the last one that was asked had to say. */
export class NoTokenError extends Error {
  readonly code = 'ERR_TABS_NO_TOKEN';
}

/**
 * The tokens by which the server knows the user. Only the tabs have them: the host asks one for each
 * (re)connect, and keeps none.
 */
export class Tokens {
  /** Why there was none the last time. */
  failure: NoTokenError | undefined;
  private waiting: (() => void)[] = [];

  constructor(private readonly tabs: () => Iterable<Tab>, private readonly clock: Clock) {}

  /** A tab that has tokens is there, or has come to the front. */
  noteTab(): void {
    const {waiting} = this;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  /**
   * Asks one tab after the other: visible ones first, then the newest.
   * Rejects with a {@link NoTokenError} where none has answered in time.
   */
  async get(): Promise<string> {
    if (!this.inOrder().length) await this.tabComes();
    let last: unknown = 'There is no tab to ask';
    for (const {session} of this.inOrder()) {
      try {
        const token = await session?.call('tab.token', null, TOKEN_MS);
        if (typeof token === 'string') {
          this.failure = undefined;
          return token;
        }
        last = 'getToken gave something else than a string';
      } catch (error) {
        last = error;
      }
    }
    throw (this.failure = new NoTokenError(`No tab gave a token: ${last instanceof Error ? last.message : String(last)}`));
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
