import type {KeyInput, Page} from 'puppeteer-core';
import {until} from '../waiting/until.js';
import type {TypingBrowser} from './browsers.js';
import type {View} from './page/main.js';

const editor = '#editor textarea, #editor [contenteditable=true]';

/** A page with a bound editor, as its user sees it. */
export class Tab {
  readonly #browser: TypingBrowser;
  readonly #page: Page;

  constructor(browser: TypingBrowser, page: Page) {
    this.#browser = browser;
    this.#page = page;
  }

  look(): Promise<View> {
    return this.#page.evaluate(() => window.look());
  }

  async putCursorAtEnd(): Promise<void> {
    const {keyboard} = this.#page;
    await this.#browser.focus(this.#page);
    await this.#page.focus(editor);
    await keyboard.down('Control');
    await keyboard.press('End');
    await keyboard.up('Control');
  }

  /** With the keyboard, where the cursor is; `⌫` takes the last character back. */
  async type(text: string): Promise<void> {
    for (const key of text) await this.#page.keyboard.press(key === '⌫' ? 'Backspace' : key as KeyInput);
  }

  /** With the keyboard, as {@link redo}. */
  undo(): Promise<void> {
    return this.#pressWith(['Control'], 'z');
  }

  redo(): Promise<void> {
    return this.#pressWith(['Control'], 'y');
  }

  async #pressWith(held: KeyInput[], key: KeyInput): Promise<void> {
    const {keyboard} = this.#page;
    for (const one of held) await keyboard.down(one);
    await keyboard.press(key);
    for (const one of held.reverse()) await keyboard.up(one);
  }

  async typeAtEnd(text: string): Promise<void> {
    await this.putCursorAtEnd();
    await this.type(text);
  }

  /** As one edit, as the clipboard gives it: keystrokes that a busy machine draws apart would be several steps of undo. */
  async enterAtEnd(text: string): Promise<void> {
    await this.putCursorAtEnd();
    await this.#page.evaluate(entered => document.execCommand('insertText', false, entered), text);
  }

  async untilText(expected: string): Promise<void> {
    await this.until(`the editor shows ${JSON.stringify(expected)}`, ({text}) => text === expected);
  }

  async until(what: string, condition: (view: View) => boolean): Promise<void> {
    let view: View | undefined;
    try {
      await until(what, async () => condition(view = await this.look()));
    } catch (error) {
      throw new Error(`${(error as Error).message}; the tab has ${JSON.stringify(view)}`, {cause: error});
    }
  }

  async detach(): Promise<void> {
    await this.#page.evaluate(async () => (await window.editor).detach!());
  }
}
