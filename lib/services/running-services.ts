import type {Host} from '../host/host.js';
import type {ServiceOptions, Services} from './service-types.js';
import {resolveOptions} from '../remote/options.js';
import {RunningService} from './running-service.js';

/** How often to check whether all calls have ended, in ms. */
const POLL_MS = 5;

/** The services of one host that have been called. */
export class RunningServices {
  private readonly running = new Map<string, RunningService>();

  /** @throws ERR_REMOTE_BAD_OPTION */
  constructor(private readonly host: Host, private readonly options: ServiceOptions) {
    resolveOptions(options);
  }

  start(name: string, make: Services[string]): void {
    const service = new RunningService(this.host, name, make, this.options, () => {
      if (this.running.get(name) === service) this.running.delete(name);
    });
    this.running.set(name, service);
  }

  /** Refuses new calls. Resolves when all running calls have their answers, or after `ms`. */
  async finish(ms: number): Promise<void> {
    const {clock} = this.host;
    const end = clock.now() + ms;
    const services = [...this.running.values()];
    for (const service of services) service.refuseCalls();
    while (services.some(service => service.isBusy) && clock.now() < end) await new Promise<void>(resolve => clock.after(POLL_MS, resolve));
    // The last answers still pass through the host.
    await new Promise<void>(resolve => clock.after(0, resolve));
  }

  close(): void {
    for (const service of [...this.running.values()]) service.close('the host has closed');
  }
}
