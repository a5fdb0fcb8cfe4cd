import type {Page} from 'puppeteer-core';
import type {ProxyDoc, TabConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import type {Engine} from './engines.js';
import type {Keystrokes} from './keystrokes.js';

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
  /** Whether this tab's own edits of the document wait for the server. */
  hasPending: boolean;
}

declare global {
  interface Window {
    /** What became of the link to the host since the tab was opened. */
    hostStates: {state: string; at: number}[];
  }
}

/** A page of the editor, and who types in it. */
export class Tab {
  readonly page: Page;
  readonly typist: number;
  readonly #engine: Engine;
  readonly #keystrokes: Keystrokes;

  constructor(engine: Engine, page: Page, typist: number, keystrokes: Keystrokes) {
    this.#engine = engine;
    this.page = page;
    this.typist = typist;
    this.#keystrokes = keystrokes;
  }

  /** How many keys were pressed. */
  get pressed(): number {
    return this.#keystrokes.count(this.typist);
  }

  look(): Promise<View> {
    return this.page.evaluate(selector => {
      const {connection, doc} = globalThis.editor as {connection: TabConnection; doc: ProxyDoc};
      const lines = [...document.querySelectorAll(`${selector} > *`)];
      return {
        text: lines.map(line => line.textContent).join('\n'),
        mode: connection.mode,
        hostState: connection.hostState,
        state: connection.state,
        pendingOps: connection.status.pendingOps,
        durable: connection.status.durable,
        hasPending: doc.hasPending()
      };
    }, editor);
  }

  async until(what: string, condition: (view: View) => boolean, deadline?: number): Promise<View> {
    let view: View | undefined;
    try {
      await until(what, async () => condition(view = await this.look()), deadline);
    } catch (error) {
      const seen = this.#keystrokes.legible(JSON.stringify(view ?? null));
      throw new Error(`${(error as Error).message}; the tab has ${seen}`, {cause: error});
    }
    return view!;
  }

  /** Waits until this tab shows all that was typed in another one. */
  async untilItShows(other: Tab, pressed = other.pressed): Promise<void> {
    await this.until(`it shows ${pressed} keystrokes of typist ${other.typist}`, ({text}) =>
      this.#keystrokes.in(text, other.typist).length >= pressed);
  }

  async untilOffline(): Promise<void> {
    await this.until('the tab knows that the server is away', ({state}) => state !== 'connected');
  }

  /** What became of the link to the host, from `start` on. */
  hostStates(start = 0): Promise<{state: string; at: number}[]> {
    return this.page.evaluate(from => window.hostStates.slice(from), start);
  }

  /** Notes what becomes of the link to the host; what else a failure may be read from goes to the console. */
  async watch(): Promise<void> {
    await this.page.evaluate(() => {
      window.hostStates = [];
      const {connection, doc} = globalThis.editor as {connection: TabConnection; doc: ProxyDoc};
      connection.on('hostState', state => {
        window.hostStates.push({state, at: Date.now()});
        console.log(`${Date.now()} host: ${state}`);
      });
      connection.on('state', state => console.log(`${Date.now()} server: ${state}`));
      connection.on('mode', (mode, reason) => console.log(`${Date.now()} mode: ${mode}, ${reason}`));
      connection.on('error', error => console.log(`${Date.now()} error of the connection: ${error}`));
      doc.on('error', error => console.log(`${Date.now()} error of the document: ${error.code} ${error}`));
      doc.on('load', () => console.log(`${Date.now()} document loaded, version ${doc.version}`));
    });
  }

  async putCursorAt(place: 'start' | 'end'): Promise<void> {
    const {keyboard} = this.page;
    await this.#engine.focus(this.page);
    await this.page.focus(editor);
    await keyboard.down('Control');
    await keyboard.press(place === 'start' ? 'Home' : 'End');
    await keyboard.up('Control');
  }

  /** One key after the other, where the cursor is. */
  async type(keys: number): Promise<void> {
    for (let i = 0; i < keys; i++) await this.press();
  }

  async press(): Promise<void> {
    await this.#engine.press(this.page, this.#keystrokes.next(this.typist));
  }

  /** Types in the page's own script, without a turn of the event loop in between, and goes on with `then` in the same turn. */
  async typeAtOnce(keys: number, then: 'stay' | 'reload' | 'close' | 'leave'): Promise<void> {
    const text = Array.from({length: keys}, () => this.#keystrokes.next(this.typist));
    await this.page.evaluate((characters, next) => {
      const {quill} = globalThis.editor as {quill: {getLength(): number; insertText(at: number, text: string, source: 'user'): void}};
      for (const character of characters) quill.insertText(quill.getLength() - 1, character, 'user');
      if (next === 'reload') location.reload();
      if (next === 'close') window.close();
      if (next === 'leave') location.href = 'about:blank';
    }, text, then);
  }
}
