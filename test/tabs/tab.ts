import type {KeyInput, Page} from 'puppeteer-core';
import {until} from '../waiting/until.js';

const editor = '#editor .ql-editor';

/** A page of the editor, as its user sees it. */
export class Tab {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** The lines of the document. */
  text(): Promise<string> {
    return this.page.$$eval(`${editor} > *`, lines => lines.map(line => line.textContent).join('\n'));
  }

  /** The text of a field in the strip at the bottom, for example `mode`. */
  status(field: 'mode' | 'tabs' | 'pending' | 'state'): Promise<string> {
    return this.page.$eval(`#status-${field}`, element => element.textContent ?? '');
  }

  async putCursorAt(place: 'start' | 'end'): Promise<void> {
    // Several tabs are typed into at once, but only one is in front.
    const session = await this.page.createCDPSession();
    await session.send('Emulation.setFocusEmulationEnabled', {enabled: true});
    await this.page.focus(editor);
    await this.page.keyboard.down('Control');
    await this.page.keyboard.press(place === 'start' ? 'Home' : 'End');
    await this.page.keyboard.up('Control');
  }

  /** Types with the keyboard, one key after the other. */
  async type(text: string): Promise<void> {
    for (const key of text) await this.page.keyboard.press(key as KeyInput);
  }

  /** Enters a text as one edit, as an input method does: keystrokes that a busy machine draws apart would be several steps of undo. */
  enter(text: string): Promise<void> {
    return this.page.keyboard.sendCharacter(text);
  }

  async typeAtEnd(text: string): Promise<void> {
    await this.putCursorAt('end');
    await this.type(text);
  }

  async untilText(what: string, condition: (text: string) => boolean): Promise<void> {
    let text = '';
    try {
      await until(what, async () => condition(text = await this.text()));
    } catch (error) {
      throw new Error(`${(error as Error).message}; the tab shows ${JSON.stringify(text)}`);
    }
  }

  async untilStatus(field: Parameters<Tab['status']>[0], expected: string): Promise<void> {
    let shown = '';
    try {
      await until(`${field} is ${expected}`, async () => (shown = await this.status(field)) === expected);
    } catch (error) {
      throw new Error(`${(error as Error).message}; it is ${shown}`);
    }
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
