import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {launch, type CDPSession, type Page as PuppetPage} from 'puppeteer-core';
import {chromiumFlags, requireBrowser} from '../../browsers/index.js';
import {until} from '../../waiting/until.js';
import {type Engine, type Page, protocolTimeout, withSecondTry} from './driver.js';
import {PuppeteerBrowser, PuppeteerPage} from './puppeteer.js';

let executablePath: string | undefined;

export const chromium: Engine = {
  title: 'Chromium',
  async launch(profile, {blocksSiteData = false} = {}) {
    executablePath ??= requireBrowser('chromium');
    if (profile && blocksSiteData) await blockSiteData(profile);
    const options = {executablePath, args: chromiumFlags, protocolTimeout, ...(profile && {userDataDir: profile})};
    return new ChromiumBrowser(await withSecondTry('Chromium', () => launch(options)), profile);
  }
};

/** As the setting "Block all cookies" of old: 2 is CONTENT_SETTING_BLOCK. */
async function blockSiteData(profile: string): Promise<void> {
  await mkdir(join(profile, 'Default'), {recursive: true});
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify({profile: {default_content_setting_values: {cookies: 2}}}));
}

class ChromiumBrowser extends PuppeteerBrowser {
  protected override wrap(page: PuppetPage): Page {
    return new ChromiumPage(page);
  }

  async sharedWorkers(origin: string): Promise<string[]> {
    return this.#inDevTools(async session => {
      // Without a filter, workers are left out.
      const {targetInfos} = await session.send('Target.getTargets', {filter: [{}]});
      return targetInfos.filter(({type, url}) => type === 'shared_worker' && url.startsWith(origin)).map(({targetId}) => targetId);
    });
  }

  async killSharedWorker(origin: string): Promise<void> {
    const targetId = await this.#sharedWorker(origin);
    await this.#inDevTools(session => session.send('Target.closeTarget', {targetId}));
  }

  async workerHeap(origin: string): Promise<number> {
    return this.#inWorker(origin, async send => {
      await send('HeapProfiler.collectGarbage');
      const {usedSize} = await send('Runtime.getHeapUsage') as {usedSize: number};
      return usedSize;
    });
  }

  async setOffline(origin: string, pages: readonly Page[], offline: boolean): Promise<void> {
    for (const page of pages) await (page as ChromiumPage).setOffline(offline);
    const {workers} = this;
    for (const targetId of await this.sharedWorkers(origin)) {
      // The conditions end with the session that made them.
      const worker = workers.get(targetId) ?? await this.#attach(targetId);
      workers.set(targetId, worker);
      await worker.send('Network.enable');
      await worker.send('Network.emulateNetworkConditions', {offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1});
    }
  }

  private readonly workers = new Map<string, AttachedTarget>();

  async #sharedWorker(origin: string): Promise<string> {
    let workers: string[] = [];
    // The browser may still list one that has just ended.
    await until('there is one shared worker', async () => (workers = await this.sharedWorkers(origin)).length === 1);
    return workers[0]!;
  }

  async #inWorker<Result>(origin: string, use: (send: AttachedTarget['send']) => Promise<Result>): Promise<Result> {
    const worker = await this.#attach(await this.#sharedWorker(origin));
    try {
      return await use(worker.send);
    } finally {
      await worker.detach();
    }
  }

  async #inDevTools<Result>(use: (session: CDPSession) => Promise<Result>): Promise<Result> {
    const session = await this.puppet.target().createCDPSession();
    try {
      return await use(session);
    } finally {
      await session.detach();
    }
  }

  /** Puppeteer has no sessions for shared workers: messages go through the browser's, wrapped. */
  async #attach(targetId: string): Promise<AttachedTarget> {
    const session = await this.puppet.target().createCDPSession();
    const {sessionId} = await session.send('Target.attachToTarget', {targetId, flatten: false});
    const waiting = new Map<number, {resolve: (result: unknown) => void; reject: (error: Error) => void}>();
    session.on('Target.receivedMessageFromTarget', event => {
      if (event.sessionId !== sessionId) return;
      const {id, result, error} = JSON.parse(event.message) as {id?: number; result?: unknown; error?: {message: string}};
      const asked = waiting.get(id!);
      waiting.delete(id!);
      if (error) asked?.reject(new Error(error.message));
      else asked?.resolve(result);
    });
    let ids = 0;
    return {
      send: (method, params = {}) => new Promise((resolve, reject) => {
        const id = ++ids;
        waiting.set(id, {resolve, reject});
        session.send('Target.sendMessageToTarget', {sessionId, message: JSON.stringify({id, method, params})}).catch(reject);
      }),
      detach: () => session.detach()
    };
  }
}

interface AttachedTarget {
  send: (method: string, params?: object) => Promise<unknown>;
  detach: () => Promise<void>;
}

class ChromiumPage extends PuppeteerPage {
  // Several tabs are typed into at once, but only one is in front.
  protected override toFront(): Promise<void> {
    return this.puppet.emulateFocusedPage(true);
  }

  override press(character: string): Promise<void> {
    return this.puppet.keyboard.sendCharacter(character);
  }

  setOffline(offline: boolean): Promise<void> {
    return this.puppet.setOfflineMode(offline);
  }

  async crash(): Promise<void> {
    const session = await this.puppet.createCDPSession();
    const crashed = new Promise<void>(resolve => this.puppet.once('error', () => resolve()));
    // It is never answered.
    void session.send('Page.crash').catch(() => {});
    await crashed;
  }

  freeze(): Promise<void> {
    return this.#setState('frozen');
  }

  resume(): Promise<void> {
    return this.#setState('active');
  }

  async #setState(state: 'frozen' | 'active'): Promise<void> {
    const session = await this.puppet.createCDPSession();
    await session.send('Page.setWebLifecycleState', {state});
    await session.detach();
  }
}
