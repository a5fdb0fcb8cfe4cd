import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {createServer} from 'node:net';
import {requireBrowser} from '../../browsers/index.js';
import {listen} from '../../server/sharedb-server.js';
import {until} from '../../waiting/until.js';
import {type Browser, type Engine, type Page, withSecondTry} from './driver.js';
import {command, WebDriverError, WebDriverSession} from './webdriver.js';

let driverPath: string | undefined;

export const webkitgtk: Engine = {
  title: 'WebKitGTK',
  async launch() {
    const path = (driverPath ??= requireBrowser('webkitgtk'));
    return withSecondTry('WebKitGTK', () => WebKitBrowser.start(path));
  }
};

/** Events that may end the tests; the browser must not outlive them. */
const ends = ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'];

/** The driver, with a screen and a message bus of its own, and the browser that it starts. */
class WebKitBrowser implements Browser {
  #ended = false;

  static async start(path: string): Promise<WebKitBrowser> {
    const host = '127.0.0.1';
    const probe = createServer();
    const port = await listen(probe as never, 0, host);
    await new Promise(resolve => probe.close(resolve));
    const driver = spawn('xvfb-run', ['-a', 'dbus-run-session', '--', path, `--port=${port}`], {
      // The sandbox needs rights that containers don't give, the renderer a graphics card.
      env: {...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1'},
      stdio: 'ignore',
      detached: true
    });
    const url = `http://${host}:${port}`;
    try {
      await until('the driver answers', () => command(url, 'GET', '/status').then(() => true, () => false));
      const session = await WebDriverSession.start(url);
      return new WebKitBrowser(driver, session, await session.send('GET', '/window') as string);
    } catch (error) {
      endAll(driver);
      throw error;
    }
  }

  /** @param first the window that is there from the start: it stays, or the browser would end */
  private constructor(
    private readonly driver: ChildProcess, private readonly session: WebDriverSession, private readonly first: string
  ) {
    for (const event of ends) process.once(event, this.#endWithUs);
  }

  readonly #endWithUs = (signalOrCode: NodeJS.Signals | number): void => {
    endAll(this.driver);
    // A listener for a signal replaces the default action, so it is repeated here.
    if (typeof signalOrCode === 'string') process.kill(process.pid, signalOrCode);
  };

  get isRunning(): boolean {
    return !this.#ended && this.driver.exitCode === null && !this.session.isOver;
  }

  async newPage(): Promise<Page> {
    // Opens windows, because the timers of background tabs are slow.
    const {handle} = await this.session.sendTo(this.first, ['POST', '/window/new', {type: 'window'}]) as {handle: string};
    return new WebKitPage(this.session, handle);
  }

  async openedBy(action: () => Promise<unknown>): Promise<Page> {
    const handles = async () => await this.session.send('GET', '/window/handles') as string[];
    const known = new Set(await handles());
    await action();
    let opened: string | undefined;
    await until('a page was opened', async () => {
      opened = (await handles()).find(handle => !known.has(handle));
      return opened !== undefined;
    });
    return new WebKitPage(this.session, opened!);
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    for (const event of ends) process.off(event, this.#endWithUs);
    await this.session.send('DELETE', '').catch(() => {});
    const exited = this.driver.exitCode === null ? once(this.driver, 'exit') : undefined;
    // On this signal, `xvfb-run` also ends its screen.
    process.kill(-this.driver.pid!, 'SIGTERM');
    await exited;
    endAll(this.driver);
  }
}

function endAll({pid}: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The process has already ended.
  }
}

const keys = {Control: '\uE009', Home: '\uE011', End: '\uE010'};

class WebKitPage implements Page {
  isClosed = false;

  constructor(private readonly session: WebDriverSession, private readonly handle: string) {}

  async goto(url: string): Promise<void> {
    await this.session.sendTo(this.handle, ['POST', '/url', {url}]);
  }

  async reload(): Promise<void> {
    await this.session.sendTo(this.handle, ['POST', '/refresh']);
  }

  async evaluate<Args extends unknown[], Result>(run: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>> {
    const script = `
      const [args, done] = arguments;
      (async () => (${run})(...args))().then(result => done({result}), error => done({error: String(error)}));`;
    const {result, error} = await this.#send(['POST', '/execute/async', {script, args: [args]}]) as
      {result: Awaited<Result>; error?: string};
    if (error !== undefined) throw new Error(error);
    return result;
  }

  async focus(selector: string): Promise<void> {
    await this.evaluate(found => (document.querySelector(found) as HTMLElement).focus(), selector);
  }

  async press(character: string): Promise<void> {
    await this.#act(['keyDown', character], ['keyUp', character]);
  }

  async pressWithControl(key: 'Home' | 'End'): Promise<void> {
    await this.#act(['keyDown', keys.Control], ['keyDown', keys[key]], ['keyUp', keys[key]], ['keyUp', keys.Control]);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    await this.#send(['DELETE', '/window']).catch(error => { if (!this.isClosed) throw error; });
    this.isClosed = true;
    this.session.forgetCurrent();
  }

  #act(...strokes: [type: 'keyDown' | 'keyUp', value: string][]): Promise<unknown> {
    const actions = strokes.map(([type, value]) => ({type, value}));
    return this.#send(['POST', '/actions', {actions: [{type: 'key', id: 'keyboard', actions}]}]);
  }

  async #send(...commands: Parameters<WebDriverSession['sendTo']>[1][]): Promise<unknown> {
    try {
      return await this.session.sendTo(this.handle, ...commands);
    } catch (error) {
      if (error instanceof WebDriverError && error.code === 'no such window') {
        this.isClosed = true;
        this.session.forgetCurrent();
      }
      throw error;
    }
  }
}
