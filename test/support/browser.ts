import type {Lane} from '../simulator/agenda.js';
import {Machine, type Process} from '../simulator/machine.js';
import type {Wires} from '../simulator/wires.js';
import type {Random} from './random.js';

export type {Process};

/**
 * A browser of the simulator whose events happen by themselves: a few in each turn of the event loop, in a random order. A message of
 * a dead process arrives before all other events (see `hasStragglers`).
 */
export class Browser {
  private readonly machine = new Machine();
  private processes = 0;
  private isRunning = false;
  /** The lanes with events that processes did not get while they were frozen. */
  private held: Lane[] = [];

  constructor(private readonly random: Random) {
    this.machine.agenda.onAdded = () => this.run();
  }

  process(): Process {
    const process = this.machine.start(`process ${++this.processes}`);
    const {thaw} = process;
    return Object.assign(process, {
      thaw: () => {
        const {agenda} = this.machine;
        const before = new Set(agenda.ready());
        thaw();
        this.held.push(...agenda.ready().filter(lane => !before.has(lane)));
        this.run();
      }
    });
  }

  /** Examines each posted message. If it returns false, the message is lost. */
  get look(): Wires['look'] {
    return this.machine.wires.look;
  }

  set look(look) {
    this.machine.wires.look = look;
  }

  /** Whether messages of a dead process, or to one that has woken up, are under way. In a browser they arrive within milliseconds. */
  get hasStragglers(): boolean {
    const {agenda, wires} = this.machine;
    this.held = this.held.filter(({events, subject}) => events.length && subject?.state === 'running');
    return this.held.length > 0 || agenda.ready().some(lane => wires.isOfDead(lane));
  }

  private run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    setImmediate(() => {
      this.isRunning = false;
      const {agenda, wires} = this.machine;
      for (let i = this.random.below(4); i >= 0; i--) {
        if (!agenda.step(this.random, lane => wires.isOfDead(lane)) && !agenda.step(this.random)) return;
      }
      this.run();
    });
  }
}
