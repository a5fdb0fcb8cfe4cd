import type {Channel, Clock, Locks, OpenChannel} from '../../lib/platform/platform.js';
import {Agenda, type Subject} from './agenda.js';
import {SimulatedLocks} from './simulated-locks.js';
import {VirtualClock} from './virtual-clock.js';
import {Wires} from './wires.js';

/** A page, a worker or a program on another computer. It lives and dies as a whole. */
export interface Process extends Subject {
  state: Subject['state'];
  readonly channel: OpenChannel;
  /** Makes a message channel. This process has the first end. */
  ports(other: Process): [Channel, Channel];
  readonly locks: Locks;
  readonly clock: Clock;
  /** Stops the process until it thaws. It keeps its locks. */
  freeze(): void;
  thaw(): void;
  /** Ends the process. Its locks become free later: before its last messages arrive, or after. */
  kill(): void;
}

/** The computer of a walk: its processes, and the parts that they share. */
export class Machine {
  readonly agenda = new Agenda();
  readonly clock = new VirtualClock();
  readonly locks = new SimulatedLocks(this.agenda);
  readonly wires = new Wires(this.agenda);

  start(name: string): Process {
    const subject = {name, state: 'running' as Subject['state']};
    return Object.assign(subject, {
      channel: this.wires.of(subject),
      ports: (other: Process) => this.wires.ports(subject, other),
      locks: this.locks.of(subject),
      clock: this.clock.of(subject),
      freeze: () => { if (subject.state === 'running') subject.state = 'frozen'; },
      thaw: () => { if (subject.state === 'frozen') subject.state = 'running'; },
      kill: () => {
        if (subject.state === 'dead') return;
        subject.state = 'dead';
        this.wires.forget(subject);
        this.clock.forget(subject);
        this.agenda.forget(subject);
        this.locks.forget(subject);
        this.agenda.some(`${name} lets go of its locks`, () => this.locks.free(subject));
      }
    });
  }
}
