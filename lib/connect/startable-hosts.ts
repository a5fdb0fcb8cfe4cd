import {hostCode} from '../election/host-code.js';
import type {HostingTab} from '../election/page-host.js';
import type {TabOptions, WorkerGreeting} from '../election/worker-messages.js';
import {absoluteUrl} from '../options/server-url.js';

/** Starts hosts in the page, and composes the greeting for hosts in workers. The code of hosts in the page is loaded on demand. */
export class StartableHosts {
  /** @param generation returns the generation of the last host that has answered */
  constructor(readonly hosting: HostingTab, private readonly generation: () => number) {}

  /** Whether the options name a server. */
  get namesServer(): boolean {
    return !!this.hosting.backendOrSocket || this.hosting.options.url !== undefined;
  }

  /** Returns the greeting for a worker; a promise if the option `url` is a function. */
  greeting(): WorkerGreeting | Promise<WorkerGreeting> {
    const {namespace, mark, options: {url, store, getToken}} = this.hosting;
    const greetingWith = (known: string | undefined): WorkerGreeting => ({
      type: 'sharedb-tabs', namespace, store, needsToken: !!getToken, steal: false, after: this.generation(), cleared: mark?.read(),
      url: known === undefined ? undefined : absoluteUrl(known)
    });
    return typeof url === 'function' ? Promise.resolve().then(url).then(greetingWith) : greetingWith(url);
  }

  /**
   * Starts a host for all tabs in this page. Rejects with ERR_TABS_NO_HOST if the options name no server.
   * @param trouble why the tab's worker is not the host, for a warning
   * @returns a function that compares another tab's options with those of the host
   */
  async startForAll(greeting: WorkerGreeting, signal: AbortSignal, trouble: string | undefined): Promise<(given: TabOptions) => void> {
    const {startElectedHost} = await hostCode.page();
    return signal.aborted ? () => {} : startElectedHost(this.hosting, greeting, signal, trouble);
  }
}
