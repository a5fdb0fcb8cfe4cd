import {OnDemand} from '../platform/on-demand.js';
import type {ElectedTabHost, ElectedTabHostOptions} from './elected-tab-host.js';
import {hostCode} from './host-code.js';
import type {HostProvider} from './host-provider.js';

/** An {@link ElectedTabHost} whose code is loaded on demand. Few tabs need it in browsers with shared workers. */
export class ElectedOnDemand implements HostProvider {
  readonly mode = 'elected-tab';
  private readonly host: OnDemand<ElectedTabHost>;

  constructor(options: ElectedTabHostOptions) {
    this.host = new OnDemand(
      async () => new (await hostCode.electedTab()).ElectedTabHost(options),
      error => options.onFailure(`The code that elects a tab can't be loaded: ${(error as Error).message}`)
    );
  }

  start(): void {
    this.host.ask(host => host.start());
  }

  /** Starts a host that takes the host lock without an election, because the current host does not answer. */
  seize(): void {
    this.host.ask(host => host.seize());
  }

  /** Terminates the host of this tab, because it does not answer. */
  abandon(): void {
    this.host.ask(host => host.abandon());
  }

  close(atOnce = false): void {
    this.host.end(host => host.close(atOnce));
  }
}
