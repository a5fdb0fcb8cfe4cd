/** The interface that the cases use, for any driver. */

export type EngineName = 'Chromium' | 'Firefox' | 'WebKitGTK';

export interface Engine {
  title: EngineName;
  /** @param profile a folder that keeps the pages' storage; without it, the storage ends with the browser */
  launch(profile?: string, options?: LaunchOptions): Promise<Browser>;
}

export interface LaunchOptions {
  /** Pages can't store anything, as with the user setting that blocks cookies and storage. */
  blocksSiteData?: boolean;
}

export interface Browser {
  /** Whether the browser is still running. */
  readonly isRunning: boolean;
  newPage(): Promise<Page>;
  /** The page that an action in another one opens. */
  openedBy(action: () => Promise<unknown>): Promise<Page>;
  /** May be called twice. */
  close(): Promise<void>;
  /** Ends all its processes at once without a warning, as the system does when memory runs out. */
  kill?(): Promise<void>;
  /** The shared workers of an origin, by names of the browser's own. */
  sharedWorkers?(origin: string): Promise<string[]>;
  /** Ends an origin's only shared worker at once, as a crash would. */
  killSharedWorker?(origin: string): Promise<void>;
  /** Takes the network from the pages and workers of an origin, or gives it back. */
  setOffline?(origin: string, pages: readonly Page[], offline: boolean): Promise<void>;
  /** The bytes in use on the heap of an origin's only shared worker, after a garbage collection. */
  workerHeap?(origin: string): Promise<number>;
}

export interface Page {
  readonly isClosed: boolean;
  /** Whether a command has had no answer within `protocolTimeout`. Undefined if the driver can't tell. */
  readonly isStuck?: boolean;
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
  /** Closes the page as a user does. The page may be closed already. */
  close(): Promise<void>;
  /** Ends the page's process only. */
  crash?(): Promise<void>;
  /** Stops the page's tasks, as browsers do with tabs that were long in the background. */
  freeze?(): Promise<void>;
  resume?(): Promise<void>;
}

/** A page that hangs fails here, with a place, before the test's own timeout. */
export const protocolTimeout = 60_000;

/** If a browser does not start, a second try is made and logged. */
export async function withSecondTry<Result>(title: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    console.warn(`${title} did not start, trying once more: ${error}`);
    return start();
  }
}
