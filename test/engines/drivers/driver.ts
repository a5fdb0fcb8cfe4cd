/** A browser as the cases need it, whatever drives it. */

export type EngineName = 'Chromium' | 'Firefox' | 'WebKitGTK';

export interface Engine {
  title: EngineName;
  /** @param profile a folder that keeps what the pages store; without it, that ends with the browser */
  launch(profile?: string, options?: LaunchOptions): Promise<Browser>;
}

export interface LaunchOptions {
  /** Pages may keep nothing, as a user can set it: cookies, storage and what else is theirs. */
  blocksSiteData?: boolean;
}

export interface Browser {
  /** Whether it has not ended by itself. */
  readonly isRunning: boolean;
  newPage(): Promise<Page>;
  /** The page that an action in another one opens. */
  openedBy(action: () => Promise<unknown>): Promise<Page>;
  /** May be called twice. */
  close(): Promise<void>;
  /** Ends all its processes at once, none of them warned, as the system does that runs out of memory. */
  kill?(): Promise<void>;
  /** The shared workers of an origin, by names of the browser's own. */
  sharedWorkers?(origin: string): Promise<string[]>;
  /** Ends the one shared worker of an origin at once, as a crash would. */
  killSharedWorker?(origin: string): Promise<void>;
  /** Takes the network from the pages and workers of an origin, or gives it back. */
  setOffline?(origin: string, pages: readonly Page[], offline: boolean): Promise<void>;
  /** Bytes in use on the heap of the one shared worker of an origin, after its garbage is collected. */
  workerHeap?(origin: string): Promise<number>;
}

export interface Page {
  readonly isClosed: boolean;
  /** Resolves when the page is loaded. */
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** Runs a function in the page; what it takes and gives is JSON. */
  evaluate<Args extends unknown[], Result>(run: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>>;
  /** Gives an element the keyboard. */
  focus(selector: string): Promise<void>;
  /** One keystroke that gives this character. */
  press(character: string): Promise<void>;
  /** The key together with Ctrl. */
  pressWithControl(key: 'Home' | 'End'): Promise<void>;
  /** As its user closes it; it may be closed already. */
  close(): Promise<void>;
  /** Ends the page's process, and it alone. */
  crash?(): Promise<void>;
  /** Stops the page's tasks, as browsers do with tabs that were long in the background. */
  freeze?(): Promise<void>;
  resume?(): Promise<void>;
}

/** A page that hangs fails its test by itself, not by the test's timeout, which would not say where. */
export const protocolTimeout = 30_000;

/** A browser that does not start gets a second try, which is said. */
export async function withSecondTry<Result>(title: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    console.warn(`${title} did not start, trying once more: ${error}`);
    return start();
  }
}
