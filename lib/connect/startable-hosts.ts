import {hostCode} from '../election/host-code.js';
import type {HostingTab} from '../election/page-host.js';
import type {WorkerGreeting} from '../election/worker-messages.js';
import {absoluteUrl} from '../options/server-url.js';

/** The hosts that a tab can start, and what each of them is told. The code for those in the page is loaded when it is needed. */
export class StartableHosts {
  /** @param generation the one of the last host that has answered */
  constructor(readonly hosting: HostingTab, private readonly generation: () => number) {}

  /** Whether the options say where the server is. */
  get namesServer(): boolean {
    return !!this.hosting.backendOrSocket || this.hosting.options.url !== undefined;
  }

  /** What a worker is told. A promise where the app gives the url later. */
  greeting(): WorkerGreeting | Promise<WorkerGreeting> {
    const {namespace, mark, options: {url, store, getToken}} = this.hosting;
    const greetingWith = (known: string | undefined): WorkerGreeting => ({
      type: 'sharedb-tabs', namespace, store, needsToken: !!getToken, steal: false, after: this.generation(), cleared: mark?.read(),
      url: known === undefined ? undefined : absoluteUrl(known)
    });
    return typeof url === 'function' ? Promise.resolve().then(url).then(greetingWith) : greetingWith(url);
  }

  /** Starts a host of all tabs in this page. Rejects with ERR_TABS_NO_HOST where the options name no server. */
  async startForAll(greeting: WorkerGreeting, signal: AbortSignal): Promise<void> {
    const {startElectedHost} = await hostCode.page();
    if (!signal.aborted) startElectedHost(this.hosting, greeting, signal);
  }
}
