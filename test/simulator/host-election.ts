import {Host, type HostOptions} from '../../lib/host.js';
import {acquireHostLock} from '../../lib/election/host-lock.js';
import {PendingPorts} from '../../lib/election/pending-ports.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {Hello} from '../../lib/protocol/frames.js';
import type {StoreDurability} from '../../lib/protocol/store-durability.js';
import type {Change} from '../../lib/store/storage.js';
import type {Random} from '../support/random.js';
import {CrashingStorage, Disk} from './crashing-storage.js';
import type {Machine, Process} from './machine.js';
import type {HostLine, Server} from './server.js';
import {slowCipher} from './slow-cipher.js';

/** A host with the parts that belong to it alone. */
export interface Station {
  /** The hosts' numbers ascend. The last one has the lock. */
  number: number;
  process: Process;
  host: Host;
  line: HostLine;
  storage: CrashingStorage | undefined;
  /** The host is not told that its lock was stolen. Only the storage's barrier stops it. */
  isDeaf: boolean;
}

/** The process of a host. Tabs greet the host on ports. */
interface Worker {
  process: Process;
  pendingPorts: PendingPorts;
}

export interface HostElectionOptions {
  machine: Machine;
  server: Server;
  random: Random;
  /** Makes a host's connection over a WebSocket. */
  webLine: ((process: Process) => HostLine) | undefined;
  hasStore: boolean;
  /** The durability of the hosts' stores. Default: every second store shows edits before they are written. */
  durability: StoreDurability | undefined;
  /** Whether the hosts' records are encrypted. */
  isSecret: boolean;
  /** Whether the cipher fails now. */
  isCipherFault: () => boolean;
  /** Called for each record that a host writes. */
  onWrite: (change: Change) => void;
  /** Called for each message that a host sends to the server. */
  onSend: (message: object) => void;
  /** Called when the server has closed a host's connection because of a message. */
  onRefused: () => void;
  warn: (message: string, detail: unknown) => void;
  /** Makes the services of one host. */
  services: (() => HostOptions['services']) | undefined;
  /** The last clearing that tabs report to a host. */
  cleared: () => Clearing | undefined;
  /** Whether there is a tab that would start a host. */
  isWanted: () => boolean;
  /** Called when a host has begun, or is about to end or to lose the lock. */
  onChange: () => void;
}

/** The hosts of a walk, one after the other, each in its own worker. The worker with the host lock has the host. */
export class HostElection {
  current: Station | undefined;
  /** Hosts that were replaced while they lived, and may not have noticed that. */
  readonly former: Station[] = [];
  readonly disk = new Disk();
  private readonly workers: Worker[] = [];
  /** The highest generation of a host so far. Tabs report it to the next host. */
  private generation = 0;
  /** The number of workers that wait for the lock. */
  private candidates = 0;
  private isOver = false;

  constructor(private readonly options: HostElectionOptions) {}

  /**
   * Starts a worker, which is the host when it gets the lock.
   * @param steal takes the lock from a host that does not answer
   */
  begin(steal = false): void {
    const number = this.workers.length + 1;
    const process = this.options.machine.start(`host ${number}`);
    const pendingPorts = new PendingPorts();
    this.workers.push({process, pendingPorts});
    const {locks, channel} = process;
    let station: Station | undefined;
    this.candidates++;
    const onWaiting = (): void => pendingPorts.close();
    acquireHostLock({namespace: 'default', build: '', steal, locks, channel, signal: new AbortController().signal, onWaiting}, async () => {
      this.candidates--;
      if (this.isOver) return;
      station = this.serve(number, process, host => pendingPorts.open((...greeting) => host.admit(...greeting)));
      const {host} = station;
      this.options.onChange();
      this.install(station);
      await host.whenClosed;
      pendingPorts.close();
      this.retire(station);
    }, () => { if (!station?.isDeaf) station?.host.close(); });
  }

  /** Makes a host the current one. If a later host has the lock already, this one's lock was stolen before it began: it is a former host. */
  private install(station: Station): void {
    const [former, current] = this.current && this.current.number > station.number ? [station, this.current] : [this.current, station];
    if (former) this.former.push(former);
    this.current = current;
  }

  /** The host's process dies. */
  kill(): void {
    const {current} = this;
    if (!current) return;
    this.options.onChange();
    this.bury(current);
    if (this.options.isWanted()) this.begin();
  }

  /**
   * A page sometimes greets the host of a worker on a port. When the greeting arrives, the host may not be the current one any more, or not
   * yet.
   */
  greetOnPort(hello: Hello, page: Process): Channel | undefined {
    const {options: {machine, random}} = this;
    const worker = this.workers.findLast(({process}) => process === this.current?.process) ?? this.workers.at(-1);
    if (!worker || worker.process.state === 'dead' || random.below(2)) return undefined;
    const [mine, its] = page.ports(worker.process);
    machine.agenda.some(`${page.name} greets on a port`, () => worker.pendingPorts.receive(hello, its), worker.process);
    return mine;
  }

  /** The hosts' server has ended: all hosts lose their connection. */
  loseNetwork(): void {
    for (const {line} of [...this.former, ...(this.current ? [this.current] : [])]) line.lose(() => false);
  }

  /** Closes the host in an orderly way. */
  close(): void {
    const {current} = this;
    if (!current) return;
    this.options.onChange();
    current.host.close();
  }

  /** Closes the last host. */
  end(): void {
    this.isOver = true;
    this.current?.host.close();
  }

  /** Another host takes over from one that does not answer, but is not dead. */
  usurp(isFrozen: boolean): void {
    const {current} = this;
    if (!current) return;
    this.options.onChange();
    if (isFrozen) current.process.freeze();
    current.isDeaf = this.options.random.below(2) === 0;
    this.begin(true);
  }

  thaw(): void {
    for (const {process} of this.former) process.thaw();
  }

  /** Thaws all hosts, and closes those that were replaced. */
  wakeAll(): void {
    for (const {process} of this.workers) process.thaw();
    for (const {host} of this.former) host.close();
  }

  /** Tabs without a current host start a worker. */
  private retire(station: Station): void {
    if (this.current !== station) return;
    this.current = undefined;
    this.resume();
  }

  /** A tab starts a worker if there is no host. */
  resume(): void {
    if (!this.isOver && !this.current && !this.candidates && this.options.isWanted()) this.begin();
  }

  private bury({process, storage, line}: Station): void {
    this.current = undefined;
    process.kill();
    storage?.kill(() => this.options.random.below(2) === 0);
    line.die();
  }

  private serve(number: number, process: Process, onOpen: (host: Host) => void): Station {
    const {machine, server, hasStore, isSecret, isCipherFault, onWrite, onSend, onRefused, warn, services, webLine} = this.options;
    const line = webLine?.(process) ?? server.line(process, true);
    line.onRefused = () => {
      onRefused();
      process.clock.after(1000, () => line.restore());
    };
    line.connection.on('send', message => onSend(message));
    const storage = hasStore ? new CrashingStorage(this.disk, machine, process, onWrite) : undefined;
    const {channel, locks, clock} = process;
    const durability = this.options.durability ?? (number % 2 ? 'written' : 'delayed');
    const host = new Host({
      connection: line.connection, channel, locks, clock, warn, onOpen, services: services?.(), cleared: this.options.cleared(), store: storage ? {storage, durability, cipher: isSecret ? slowCipher(machine, process, isCipherFault) : undefined} : false, after: this.generation
    });
    ({generation: this.generation} = host.inspect());
    return {number, process, host, line, storage, isDeaf: false};
  }
}
