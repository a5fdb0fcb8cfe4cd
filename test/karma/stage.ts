import {until} from '../waiting/until.js';
import richText from 'rich-text';
import {Connection, type Doc, types} from 'sharedb/lib/client/index.js';
import {settled} from '../waiting/settled.js';
import {connect, type TabConnection, type TabOptions} from './connect.js';
import {settings, startServer} from './server-control.js';

types.register(richText.type);

export interface Tab {
  connection: TabConnection;
  page: Window;
  /** The hosting mode, with the reason. */
  mode: Promise<{mode: unknown; reason: unknown}>;
  /** Removes the page, as closing a tab does. */
  close(): void;
  /** Loads the page again, and connects it as before. */
  reload(): Promise<Tab>;
}

export type Options = Partial<Omit<TabOptions, 'url'>>;

/** One test's tabs, namespace, worker and path on the server. Nothing is shared with another test. */
export class KarmaStage {
  readonly id: string = crypto.randomUUID();
  readonly path = `/${this.id}`;
  readonly #closers: (() => void)[] = [];

  /** An iframe: a page of its own for the worker. */
  async openFrame(options: Options = {}): Promise<Tab> {
    return (await this.loadFrame())(options);
  }

  /** An iframe whose page waits to be connected: for tabs that start at the same instant. */
  async loadFrame(): Promise<(options?: Options) => Tab> {
    const frame = document.createElement('iframe');
    const loaded = once(frame, 'load');
    frame.src = settings.tabPage;
    document.body.append(frame);
    await loaded;
    const connect = (options: Options = {}): Tab => this.#connect(frame.contentWindow!, options, () => frame.remove(), async () => {
      const reloaded = once(frame, 'load');
      frame.contentWindow!.location.reload();
      await reloaded;
      return connect(options);
    });
    return connect;
  }

  /** A window, which the browser shows as a tab. */
  async openWindow(options: Options = {}): Promise<Tab> {
    const opened = window.open(settings.tabPage);
    if (!opened) throw new Error('the browser blocked window.open');
    await once(opened, 'load');
    return this.#connect(opened, options, () => opened.close(), () => Promise.reject(new Error('no test reloads a window')));
  }

  /** The page that the tests run in. */
  connectHere(options: Options = {}): TabConnection {
    const connection = connect(this.#options(options));
    this.#closers.push(() => connection.close());
    return connection;
  }

  /** Another client: ShareDB's own on its own WebSocket. */
  remote(): Connection {
    const socket = new WebSocket(`${settings.url}/remote`);
    const connection = new Connection(socket as ConstructorParameters<typeof Connection>[0]);
    this.#closers.push(() => connection.close());
    return connection;
  }

  /** This test's document, subscribed. */
  async subscribe(connection: Connection | TabConnection): Promise<Doc> {
    const doc = connection.get('stages', this.id);
    await settled(done => doc.subscribe(done));
    return doc;
  }

  /** This test's document as the server has it. */
  async fetchFromServer(): Promise<Doc> {
    const doc = this.remote().get('stages', this.id);
    await settled(done => doc.fetch(done));
    return doc;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) close();
    await startServer();
  }

  #connect(page: Window, options: Options, closePage: () => void, reload: () => Promise<Tab>): Tab {
    const connection = page.connectTab!(this.#options(options));
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      closePage();
    };
    this.#closers.push(() => {
      if (open) connection.close();
      close();
    });
    const mode = new Promise<{mode: unknown; reason: unknown}>(resolve => {
      connection.once('mode', (mode: unknown, reason: unknown) => resolve({mode, reason}));
    });
    return {connection, page, mode, close, reload};
  }

  #options(options: Options): TabOptions {
    return {url: settings.url + this.path, namespace: this.id, ...options};
  }
}

function once(target: EventTarget, event: string): Promise<unknown> {
  return new Promise(resolve => target.addEventListener(event, resolve, {once: true}));
}

/** A copy without the classes of the page that made it. */
export function plain(doc: Doc): unknown {
  return JSON.parse(JSON.stringify(doc.data));
}

/** The epoch of the host that serves the tab; fails while there is none. */
export async function epochOf(tab: Pick<Tab, 'connection'>): Promise<string> {
  let epoch: string | undefined;
  await until('a host serves the tab', async () => (epoch = await epochNow(tab)) !== undefined);
  return epoch!;
}

/** Waits until another host than the one of this epoch serves the tab. */
export async function untilOtherHost(tab: Pick<Tab, 'connection'>, epoch: string): Promise<void> {
  await until('another host serves the tab', async () => ![epoch, undefined].includes(await epochNow(tab)));
}

async function epochNow({connection}: Pick<Tab, 'connection'>): Promise<string | undefined> {
  return (await connection.inspect() as {epoch?: string}).epoch;
}
