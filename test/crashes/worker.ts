import type {Browser} from 'puppeteer-core';

/** The shared workers that run in a Chromium, by their targets' ids. */
export async function sharedWorkers(browser: Browser): Promise<string[]> {
  const session = await browser.target().createCDPSession();
  // Without a filter, workers are left out.
  const {targetInfos} = await session.send('Target.getTargets', {filter: [{}]});
  await session.detach();
  return targetInfos.filter(({type}) => type === 'shared_worker').map(({targetId}) => targetId);
}

/** Ends the shared worker of a Chromium at once, as a crash would. */
export async function killSharedWorker(browser: Browser): Promise<void> {
  const workers = await sharedWorkers(browser);
  if (workers.length !== 1) throw new Error(`There are ${workers.length} shared workers, not one`);
  const session = await browser.target().createCDPSession();
  await session.send('Target.closeTarget', {targetId: workers[0]!});
  await session.detach();
}
