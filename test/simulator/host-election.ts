import {Host, type HostOptions} from '../../lib/host.js';
import {acquireHostLock} from '../../lib/election/host-lock.js';
import {PendingPorts} from '../../lib/election/pending-ports.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Hello} from '../../lib/protocol/frames.js';
import type {StoreDurability} from '../../lib/protocol/store-durability.js';
import type {Change} from '../../lib/store/storage.js';
import type {Random} from '../karma/random.js';
import {CrashingStorage, Disk} from './crashing-storage.js';
import type {Machine, Process} from './machine.js';
import type {Line, Server} from './server.js';
import {slowCipher} from './slow-cipher.js';

/** A host with all that it has to itself. */
export interface Station {
  /** Who came later has the lock. */
  number: number;
  process: Process;
  host: Host;
  line: Line;
  storage: CrashingStorage | undefined;
  /** It does not hear that its lock was stolen: only the storage's fence stops it. */
  isDeaf: boolean;
}

/** Where hosts live, and tabs greet them on ports. */
interface Worker {
  process: Process;
  reception: PendingPorts;
}

export interface OfficeOptions {
  machine: Machine;
  server: Server;
  random: Random;
  hasStore: boolean;
  /** What each host's store does. Default: every second one shows edits before they are written. */
  durability: StoreDurability | undefined;
  /** What hosts write is encrypted. */
  isSecret: boolean;
  /** Whether the cipher fails now. */
  isCipherFault: () => boolean;
  /** Told of all that hosts write. */
  onWrite: (change: Change) => void;
  /** Told of all that hosts send to the server. */
  onSend: (message: object) => void;
  /** The server has closed a host's connection because of what the host has sent. */
  onRefused: () => void;
  warn: (message: string, detail: unknown) => void;
  /** Makes the services of one host. */
  services: (() => HostOptions['services']) | undefined;
  /** A host has begun, or is about to end or to lose the lock. */
  onChange: () => void;
}

/** The hosts of a walk, one after the other, each in a worker of its own: who has the lock holds the host lock. */
export class HostElection {
  current: Station | undefined;
  /** Those who were replaced while they lived, and may not know it. */
  readonly former: Station[] = [];
  readonly disk = new Disk();
  private readonly workers: Worker[] = [];
  /** The highest generation of a host so far, which the tabs tell the next one. */
  private generation = 0;
  /** How many workers wait for the lock. */
  private candidates = 0;
  private isOver = false;

  constructor(private readonly options: OfficeOptions) {}

  /** A worker starts, and is the host when it gets the lock. `steal`: whoever has it is taken for wedged. */
  begin(steal = false): void {
    const number = this.workers.length + 1;
    const process = this.options.machine.start(`host ${number}`);
    const reception = new PendingPorts();
    this.workers.push({process, reception});
    const {locks, channel} = process;
    let station: Station | undefined;
    this.candidates++;
    const onWaiting = (): void => reception.close();
    acquireHostLock({namespace: 'default', build: '', steal, locks, channel, signal: new AbortController().signal, onWaiting}, async () => {
      this.candidates--;
      if (this.isOver) return;
      station = this.serve(number, process, host => reception.open((...greeting) => host.admit(...greeting)));
      const {host} = station;
      this.options.onChange();
      this.install(station);
      await host.whenClosed;
      reception.close();
      this.retire(station);
    }, () => { if (!station?.isDeaf) station?.host.close(); });
  }

  /** One that was robbed before it knew that it had the lock does not count. */
  private install(station: Station): void {
    const [former, current] = this.current && this.current.number > station.number ? [station, this.current] : [this.current, station];
    if (former) this.former.push(former);
    this.current = current;
  }

  /** The host is no more, from one moment to the next. */
  kill(): void {
    const {current} = this;
    if (!current) return;
    this.options.onChange();
    this.bury(current);
    this.begin();
  }

  /** A page greets the host of a worker on a port, now and then; that arrives some time, and it may be current no more, or not yet. */
  greetOnPort(hello: Hello, page: Process): Channel | undefined {
    const {options: {machine, random}} = this;
    const worker = this.workers.findLast(({process}) => process === this.current?.process) ?? this.workers.at(-1);
    if (!worker || random.below(2)) return undefined;
    const [mine, its] = page.ports(worker.process);
    machine.agenda.some(`${page.name} greets on a port`, () => worker.reception.receive(hello, its), worker.process);
    return mine;
  }

  /** The hosts' server has ended. */
  loseNetwork(): void {
    for (const {line} of [...this.former, ...(this.current ? [this.current] : [])]) line.lose(() => false);
  }

  /** The host closes politely. */
  close(): void {
    const {current} = this;
    if (!current) return;
    this.options.onChange();
    current.host.close();
  }

  /** The last host closes, and nobody needs another one. */
  end(): void {
    this.isOver = true;
    this.current?.host.close();
  }

  /** Another one takes over from a host that does not answer, but is not dead. */
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

  /** What is to be heard is heard. */
  wakeAll(): void {
    for (const {process} of this.workers) process.thaw();
    for (const {host} of this.former) host.close();
  }

  /** Tabs that find nobody current start a worker. */
  private retire(station: Station): void {
    if (this.current !== station) return;
    this.current = undefined;
    if (!this.isOver && !this.candidates) this.begin();
  }

  private bury({process, storage, line}: Station): void {
    this.current = undefined;
    process.kill();
    storage?.kill(() => this.options.random.below(2) === 0);
    line.die();
  }

  private serve(number: number, process: Process, onOpen: (host: Host) => void): Station {
    const {machine, server, hasStore, isSecret, isCipherFault, onWrite, onSend, onRefused, warn, services} = this.options;
    const line = server.line(process, true);
    line.onRefused = () => {
      onRefused();
      process.clock.after(1000, () => line.restore());
    };
    line.connection.on('send', message => onSend(message));
    const storage = hasStore ? new CrashingStorage(this.disk, machine, process, onWrite) : undefined;
    const {channel, locks, clock} = process;
    const durability = this.options.durability ?? (number % 2 ? 'written' : 'delayed');
    const host = new Host({
      connection: line.connection, channel, locks, clock, warn, onOpen, services: services?.(), store: storage ? {storage, durability, cipher: isSecret ? slowCipher(machine, process, isCipherFault) : undefined} : false, after: this.generation
    });
    ({generation: this.generation} = host.inspect());
    return {number, process, host, line, storage, isDeaf: false};
  }
}
