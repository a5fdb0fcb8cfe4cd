import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import type {Page} from 'puppeteer-core';

const script = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Axe {
  run(): Promise<{violations: {id: string; nodes: {html: string}[]}[]}>;
}

/** The rules of axe that the page violates as it is now, each with its elements. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(script, 'utf8'));
  return page.evaluate(async () => {
    // In the middle of a transition, an element can have a colour that axe finds too pale.
    await Promise.allSettled(document.getAnimations().filter(animation => animation instanceof CSSTransition).map(({finished}) => finished));
    const {violations} = await (globalThis as unknown as {axe: Axe}).axe.run();
    return violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(' ')}`);
  });
}
