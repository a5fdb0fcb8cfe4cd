import richText from 'rich-text';
import {Connection, type Doc, types} from 'sharedb/lib/client/index.js';
import {settled} from '../waiting/settled.js';
import {connect, type TabConnection, type TabOptions} from './connect.js';
import {settings, startServer} from './server-control.js';

types.register(richText.type);

export interface Tab {
  connection: TabConnection;
  /** How it reaches the server and, if that is not through the worker, why. */
  mode: Promise<{mode: unknown; reason: unknown}>;
  /** Takes the page away, as closing a tab does. */
  close(): void;
}

type Options = Partial<Omit<TabOptions, 'url'>>;

/** One test's tabs, its namespace, worker and path on the server: nothing is shared with another test. */
export class Stage {
  readonly id: string = crypto.randomUUID();
  readonly path = `/${this.id}`;
  readonly #closers: (() => void)[] = [];

  /** An iframe: a page of its own for the worker. */
  async openFrame(options: Options = {}): Promise<Tab> {
    const frame = document.createElement('iframe');
    const loaded = new Promise(resolve => frame.addEventListener('load', resolve, {once: true}));
    frame.src = settings.tabPage;
    document.body.append(frame);
    await loaded;
    return this.#connect(frame.contentWindow!, options, () => frame.remove());
  }

  /** A window, which the browser shows as a tab. */
  async openWindow(options: Options = {}): Promise<Tab> {
    const opened = window.open(settings.tabPage);
    if (!opened) throw new Error('the browser blocked window.open');
    await new Promise(resolve => opened.addEventListener('load', resolve, {once: true}));
    return this.#connect(opened, options, () => opened.close());
  }

  /** The page that the tests run in. */
  connectHere(options: Options = {}): TabConnection {
    const connection = connect(this.#options(options));
    this.#closers.push(() => connection.close());
    return connection;
  }

  /** Someone else: ShareDB's own client on its own WebSocket. */
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

  #connect(page: Window, options: Options, closePage: () => void): Tab {
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
    return {connection, mode, close};
  }

  #options(options: Options): TabOptions {
    return {url: settings.url + this.path, namespace: this.id, ...options};
  }
}

/** A copy without the classes of the page that made it. */
export function plain(doc: Doc): unknown {
  return JSON.parse(JSON.stringify(doc.data));
}
