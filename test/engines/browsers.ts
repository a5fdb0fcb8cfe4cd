import type {Browser, Engine} from './drivers/index.js';

/** The browsers that cases share, each started when the first case needs it. */
const running = new Map<Engine, Browser>();
const replaced = new Set<Engine>();

/** The browser that cases of an engine share. A browser that has ended by itself is replaced once in a run, and this is logged. */
export async function sharedBrowser(engine: Engine): Promise<Browser> {
  const known = running.get(engine);
  if (known?.isRunning) return known;
  if (known) {
    if (replaced.has(engine)) throw new Error(`${engine.title} has ended a second time`);
    replaced.add(engine);
    console.warn(`${engine.title} has ended; starting it once more`);
    await known.close().catch(() => {});
  }
  const browser = await engine.launch();
  running.set(engine, browser);
  return browser;
}

after('close the browsers', async () => {
  for (const browser of running.values()) await browser.close();
});
