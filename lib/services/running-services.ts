import type {Host} from '../host/host.js';
import type {ServiceOptions, Services} from './service-types.js';
import {RunningService} from './running-service.js';

/** How often it is looked whether all calls have ended, in ms. */
const LOOK_MS = 5;

/** The services of one host that were called. */
export class RunningServices {
  private readonly running = new Map<string, RunningService>();

  constructor(private readonly host: Host, private readonly options: ServiceOptions) {}

  start(name: string, make: Services[string]): void {
    const service = new RunningService(this.host, name, make, this.options, () => {
      if (this.running.get(name) === service) this.running.delete(name);
    });
    this.running.set(name, service);
  }

  /** Takes no new calls, and resolves when those that are under way have their answers, or after `ms`. */
  async finish(ms: number): Promise<void> {
    const {clock} = this.host;
    const end = clock.now() + ms;
    const services = [...this.running.values()];
    for (const service of services) service.refuseCalls();
    while (services.some(service => service.isBusy) && clock.now() < end) await new Promise<void>(resolve => clock.after(LOOK_MS, resolve));
    // The last answers are on their way through the host.
    await new Promise<void>(resolve => clock.after(0, resolve));
  }

  close(): void {
    for (const service of [...this.running.values()]) service.close('the host has closed');
  }
}
