import type {Host} from '../host/host.js';
import type {ServiceSource} from '../host/frame-relay.js';
import type {RunningServices} from './running-services.js';
import type {ServiceOptions, Services} from './service-types.js';

/** The services, or a function that loads them when the first one is called. */
export type ServicesOption = Services | (() => Services | Promise<Services>);

/** The code that runs services. Node's and bundlers' loaders see the literal path; tests can replace it. */
export const serviceCode = {running: () => import('./running-services.js')};

/** Creates a host's services. Their code is loaded when the first one is called. */
export function serviceSource(option: ServicesOption, options: ServiceOptions = {}): (host: Host) => ServiceSource {
  return host => new LazyServices(host, option, options);
}

class LazyServices implements ServiceSource {
  private loading: Promise<[RunningServices, Services]> | undefined;
  private running: RunningServices | undefined;
  private isClosed = false;

  constructor(private readonly host: Host, private readonly option: ServicesOption, private readonly options: ServiceOptions) {}

  start(name: string, onFailure: (event: 'no service' | 'closed', reason: string) => void): void {
    this.load().then(([running, services]) => {
      if (this.isClosed) return;
      if (Object.hasOwn(services, name) && typeof services[name] === 'function') running.start(name, services[name]);
      else onFailure('no service', 'the host has no service of this name; it knows only the services of its own build');
    }).catch((error: unknown) => onFailure('closed', `the services can't be loaded: ${String((error as Error)?.message ?? error)}`));
  }

  async finish(ms: number): Promise<void> {
    await this.running?.finish(ms);
  }

  close(): void {
    this.isClosed = true;
    this.running?.close();
  }

  private load(): Promise<[RunningServices, Services]> {
    const {option} = this;
    this.loading ??= Promise.all([
      serviceCode.running().then(({RunningServices}) => (this.running ??= new RunningServices(this.host, this.options))),
      typeof option === 'function' ? option() : option
    ]);
    // The next call tries again.
    this.loading.catch(() => { this.loading = undefined; });
    return this.loading;
  }
}
