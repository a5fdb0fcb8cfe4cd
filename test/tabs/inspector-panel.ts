import type {Page} from 'puppeteer-core';
import {until} from '../waiting/until.js';

const TAG = 'sharedb-tabs-inspector';

/** A page of any driver. */
export interface ScriptablePage {
  evaluate<Args extends unknown[], Result>(run: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>>;
}

/** The inspector in a page. It uses scripts alone, so that it needs no focus and works in any browser. */
export class InspectorPanel {
  constructor(private readonly page: ScriptablePage) {}

  static in(page: Page): InspectorPanel {
    return new InspectorPanel({
      evaluate: <Args extends unknown[], Result>(run: (...args: Args) => Result, ...args: Args) =>
        page.evaluate(run as (...args: unknown[]) => unknown, ...args) as Promise<Awaited<Result>>
    });
  }

  /** Opens it with the button of the example, and waits until it shows the host. */
  async open(...texts: string[]): Promise<void> {
    await this.page.evaluate(() => document.querySelector<HTMLElement>('#open-inspector')!.click());
    await this.shows('the host', 'connected', '(this one)', ...texts);
  }

  /** What the panel shows. */
  shown(): Promise<string> {
    return this.page.evaluate(tag => document.querySelector(tag)?.shadowRoot?.querySelector('[role=tabpanel]')?.textContent ?? '', TAG);
  }

  isOpen(): Promise<boolean> {
    return this.page.evaluate(tag => document.querySelector(tag) !== null, TAG);
  }

  async shows(what: string, ...texts: string[]): Promise<void> {
    let text = '';
    try {
      await until(what, async () => {
        text = await this.shown();
        return texts.every(wanted => text.includes(wanted));
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; the panel shows ${text}`);
    }
  }

  /** @param choice made in the same turn: a panel that is drawn again, since the host is slow, forgets it */
  async press(name: string, choice?: [label: string, value: string]): Promise<void> {
    await this.page.evaluate((tag, name, label, value) => {
      const root = document.querySelector(tag)!.shadowRoot!;
      if (label) root.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`)!.value = value;
      [...root.querySelectorAll('button')].find(button => button.textContent === name)!.click();
    }, TAG, name, choice?.[0] ?? '', choice?.[1] ?? '');
  }

  async choose(label: string, value: string): Promise<void> {
    await this.page.evaluate((tag, label, value) => {
      const select = document.querySelector(tag)!.shadowRoot!.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`)!;
      select.value = value;
      select.dispatchEvent(new Event('change'));
    }, TAG, label, value);
  }

  /** Shows the data of the document that all tabs have open. */
  async showData(): Promise<void> {
    await this.page.evaluate(tag => document.querySelector(tag)!.shadowRoot!.querySelector<HTMLElement>('input[aria-label="Show documents\' data"]')!.click(), TAG);
    const label = 'button[aria-label="Data of documents/scratch"]';
    await until('there is a button', () => this.page.evaluate((tag, label) => !!document.querySelector(tag)!.shadowRoot!.querySelector(label), TAG, label));
    await this.page.evaluate((tag, label) => document.querySelector(tag)!.shadowRoot!.querySelector<HTMLElement>(label)!.click(), TAG, label);
  }

  /** @param axe the script of axe-core */
  async violations(axe: string): Promise<string[]> {
    return this.page.evaluate(async (tag, script) => {
      if (!('axe' in globalThis)) globalThis.eval(script);
      const {axe} = globalThis as unknown as {axe: {run(root: Element, options: object): Promise<{violations: {id: string; nodes: {html: string}[]}[]}>}};
      const {violations} = await axe.run(document.querySelector(tag)!, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']});
      return violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(' ')}`);
    }, TAG, axe);
  }
}
