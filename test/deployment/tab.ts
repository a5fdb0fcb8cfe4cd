import type {Page} from 'puppeteer-core';

/** What a page shows beside the text, by the ids of its elements. */
export type Field = 'user' | 'list' | 'mode' | 'state' | 'codes' | 'saved' | 'pending' | 'fault' | 'letters' | 'error';

/** A page of the example. */
export class Tab {
  constructor(readonly name: string, readonly page: Page) {}

  text(): Promise<string> {
    return this.page.$eval('#text', field => (field as HTMLTextAreaElement).value);
  }

  /** The text, and whether the server has it. */
  see(): Promise<{text: string; saved: string}> {
    return this.page.evaluate(() => ({
      text: (document.getElementById('text') as HTMLTextAreaElement).value,
      saved: document.getElementById('saved')!.textContent ?? ''
    }));
  }

  shown(field: Field): Promise<string> {
    return this.page.$eval(`#${field}`, element => element.textContent ?? '');
  }

  async putCursorAtEnd(): Promise<void> {
    // Several tabs are typed into at once, and only one is in front.
    const session = await this.page.createCDPSession();
    await session.send('Emulation.setFocusEmulationEnabled', {enabled: true});
    await this.page.$eval('#text', field => {
      const {value} = field as HTMLTextAreaElement;
      (field as HTMLTextAreaElement).focus();
      (field as HTMLTextAreaElement).setSelectionRange(value.length, value.length);
    });
  }

  /** As an input method or the clipboard gives it. */
  type(text: string): Promise<void> {
    return this.page.keyboard.sendCharacter(text);
  }
}
