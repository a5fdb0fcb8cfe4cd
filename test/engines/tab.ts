import type {ProxyDoc, TabConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import type {Page} from './drivers/index.js';
import type {Keystrokes} from './keystrokes.js';
import {type Said, shownAt, whoIs} from './prelude.js';

const editor = '#editor .ql-editor';

/** A tab at one moment. */
export interface View {
  /** What the editor shows. */
  text: string;
  mode: string | undefined;
  hostState: string;
  state: string;
  pendingOps: number;
  durable: boolean;
  /** Why the store is not durable. */
  storeError: string | number | undefined;
  /** Whether this tab's own edits of the document wait for the server. */
  hasPending: boolean;
}

declare global {
  interface Window {
    /** The states of the session with the host since the tab was opened. */
    hostStatesSeen?: {state: string; at: number}[];
  }
}

/** A page of the editor, and its typist. */
export class Tab {
  readonly page: Page;
  readonly typist: number;
  readonly #keystrokes: Keystrokes;
  readonly #said: readonly Said[];

  /** @param said the log messages of all pages */
  constructor(page: Page, typist: number, keystrokes: Keystrokes, said: readonly Said[]) {
    this.page = page;
    this.typist = typist;
    this.#keystrokes = keystrokes;
    this.#said = said;
  }

  /** The number of keys pressed. */
  get pressed(): number {
    return this.#keystrokes.count(this.typist);
  }

  /** Whether the storage has ever failed to answer the host. */
  sawStuckStorage = false;

  async look(): Promise<View> {
    const view = await this.page.evaluate(selector => {
      const {connection, doc} = globalThis.editor as {connection: TabConnection; doc: ProxyDoc};
      const lines = [...document.querySelectorAll(`${selector} > *`)];
      return {
        text: lines.map(line => line.textContent).join('\n'),
        mode: connection.mode,
        hostState: connection.hostState,
        state: connection.state,
        pendingOps: connection.status.pendingOps,
        durable: connection.status.durable,
        storeError: connection.status.storeError?.code,
        hasPending: doc.hasPending()
      };
    }, editor);
    this.sawStuckStorage ||= view.storeError === 'ERR_TABS_STORAGE_TIMEOUT';
    return view;
  }

  async until(what: string, condition: (view: View) => boolean, deadline?: number): Promise<View> {
    let view: View | undefined;
    try {
      await until(what, async () => condition(view = await this.look()), deadline);
    } catch (error) {
      const seen = this.#keystrokes.legible(JSON.stringify(view ?? null));
      throw new Error(`${(error as Error).message}; tab ${this.typist} has ${seen}`, {cause: error});
    }
    return view!;
  }

  /** Waits until this tab shows all that was typed in another one. */
  async untilItShows(other: Tab, pressed = other.pressed): Promise<void> {
    await this.until(`it shows ${pressed} keystrokes of typist ${other.typist}`, ({text}) =>
      this.#keystrokes.in(text, other.typist).length >= pressed);
  }

  /** Like `untilItShows` for several tabs, with one look at a time for all of them. */
  async untilItShowsAll(others: readonly Tab[]): Promise<void> {
    await this.until('it shows what was typed in all tabs', ({text}) =>
      others.every(({typist, pressed}) => this.#keystrokes.in(text, typist).length >= pressed));
  }

  async untilOffline(): Promise<void> {
    await this.until('the tab knows that the server is away', ({state}) => state !== 'connected');
  }

  async untilOnline(): Promise<void> {
    await this.until('the tab has a host, and the host the server', ({hostState, state}) =>
      hostState === 'connected' && state === 'connected');
  }

  /** Waits until the page has its script and shows the document. */
  async untilReady(mode: string): Promise<void> {
    // Until then the global name refers to the element with this id.
    await until(`the page of tab ${this.typist} has its script`, () =>
      this.page.evaluate(() => 'connection' in globalThis.editor).catch(() => false));
    await this.#watch();
    await this.until(`there is text, by ${mode}`, view => view.text !== '' && view.mode === mode);
  }

  /** The states of the session with the host, from `start` on. */
  hostStates(start = 0): Promise<{state: string; at: number}[]> {
    return this.page.evaluate(from => window.hostStatesSeen!.slice(from), start);
  }

  /** Records the states of the session with the host, and logs other details for failures. */
  async #watch(): Promise<void> {
    await this.page.evaluate(() => {
      // A page that comes from the back/forward cache still has it.
      if (window.hostStatesSeen) return;
      const states: {state: string; at: number}[] = window.hostStatesSeen = [];
      const {connection, doc} = globalThis.editor as {connection: TabConnection; doc: ProxyDoc};
      connection.on('hostState', state => {
        states.push({state, at: Date.now()});
        console.log(`host: ${state}`);
      });
      connection.on('state', state => console.log(`server: ${state}`));
      connection.on('mode', (mode, reason) => console.log(`mode: ${mode}, ${reason}`));
      connection.on('error', error => console.log(`error of the connection: ${error}`));
      doc.on('error', error => console.log(`error of the document: ${error.code} ${error}`));
      doc.on('load', () => console.log(`document loaded, version ${doc.version}`));
      console.log(`tab ${connection.id}`);
    });
  }

  async putCursorAt(place: 'start' | 'end'): Promise<void> {
    await this.page.focus(editor);
    await this.page.pressWithControl(place === 'start' ? 'Home' : 'End');
  }

  /** One key after the other, where the cursor is. */
  async type(keys: number): Promise<void> {
    for (let i = 0; i < keys; i++) await this.press();
  }

  async press(): Promise<void> {
    await this.page.press(this.nextKey());
  }

  /** The character of the next keystroke. */
  nextKey(): string {
    return this.#keystrokes.next(this.typist);
  }

  /** With the keyboard, wherever the cursor was before: in some engines keys reach only the tab in front. */
  async typeAt(place: 'start' | 'end', keys: number): Promise<void> {
    await this.putCursorAt(place);
    await this.type(keys);
  }

  /** One character per turn of the page. Works in several tabs at once. */
  async typeSteadily(keys: number): Promise<void> {
    for (let i = 0; i < keys; i++) await this.typeAtOnce(1, 'stay');
  }

  /** Like `typeSteadily` with one command to the page: with many busy pages, each command takes a second. */
  async typeByItself(keys: number): Promise<void> {
    const text = Array.from({length: keys}, () => this.#keystrokes.next(this.typist));
    await this.page.evaluate(async characters => {
      for (const character of characters) {
        globalThis.typeOne(character);
        // Timers of pages in the background are slow.
        await new Promise(resolve => {
          const {port1, port2} = new MessageChannel();
          port1.onmessage = resolve;
          port2.postMessage(null);
        });
      }
    }, text);
  }

  /** Types in the page's own script within one turn of the event loop, and then acts in the same turn. */
  async typeAtOnce(keys: number, then: 'stay' | 'reload' | 'close' | 'leave'): Promise<void> {
    const text = Array.from({length: keys}, () => this.#keystrokes.next(this.typist));
    await this.page.evaluate((characters, next) => {
      for (const character of characters) globalThis.typeOne(character);
      if (next === 'reload') location.reload();
      if (next === 'close') window.close();
      if (next === 'leave') location.href = `/elsewhere${location.search}`;
    }, text, then);
  }

  /** Loads another page in place of this one. */
  async leave(): Promise<void> {
    const {origin} = new URL(await this.page.evaluate(() => location.href));
    await this.page.goto(`${origin}/elsewhere`);
  }

  /** Waits until the editor's script has loaded another page. */
  async untilElsewhere(): Promise<void> {
    await until('another page is there', () => this.#timesShown('/elsewhere') > 0);
    // The driver may learn it later.
    await until('the driver has it', () => this.page.evaluate(() => location.pathname === '/elsewhere').catch(() => false));
  }

  /** Whether `goBack` was called. */
  hasReturned = false;

  /** Returns to the page that was left. The caller waits until it is ready. */
  async goBack(): Promise<void> {
    this.hasReturned = true;
    const before = this.#timesShown('/');
    // A driver's own command would wait for a load, but a page from the back/forward cache does not load.
    await this.page.evaluate(() => void setTimeout(() => history.back()));
    await until('the page is the editor again', () => this.#timesShown('/') > before);
  }

  /** Counts the page's own log messages: WebKit's driver does not answer for a page that enters the cache. */
  #timesShown(path: string): number {
    return this.#said.filter(({who, text}) => who === whoIs(this.typist) && text === shownAt(path)).length;
  }

  /** Whether the page came from the back/forward cache when it was shown last. */
  isFromCache(): Promise<boolean> {
    return this.page.evaluate(() => globalThis.shows.at(-1) === true);
  }

  /** Whether this tab is the one that the others have elected. */
  isElected(): Promise<boolean> {
    return this.page.evaluate(async () => {
      // A page learns its client id only from a lock of its own.
      const mine = crypto.randomUUID();
      const {held = []} = await navigator.locks.request(mine, () => navigator.locks.query());
      const election = held.find(({name}) => name?.includes('/election'));
      return election !== undefined && election.clientId === held.find(({name}) => name === mine)?.clientId;
    });
  }
}
