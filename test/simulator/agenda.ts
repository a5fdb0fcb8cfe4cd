import type {Random} from '../support/random.js';

/** The process that an event belongs to. Events of frozen and dead processes do not happen. */
export interface Subject {
  readonly name: string;
  readonly state: 'running' | 'frozen' | 'dead';
}

interface Event {
  act: () => void;
  /** The message, if the event delivers one. */
  message: unknown;
}

/** Events that happen in order, each when the walk selects the lane. */
export class Lane {
  readonly events: Event[] = [];

  constructor(private readonly busy: Set<Lane>, readonly name: string, readonly subject: Subject | undefined, private readonly onAdded: () => void) {}

  add(act: () => void, message?: unknown): void {
    if (this.subject?.state === 'dead') return;
    this.events.push({act, message});
    this.busy.add(this);
    this.onAdded();
  }

  /** Removes the first event without running it. */
  drop(): void {
    this.events.shift();
    if (!this.events.length) this.busy.delete(this);
  }

  clear(): void {
    this.events.length = 0;
    this.busy.delete(this);
  }
}

/**
 * All events that can happen next, in lanes: messages under way, answers of the server and of the disk, locks that become free. Events of
 * one lane keep their order. The order between lanes is random.
 */
export class Agenda {
  private readonly busy = new Set<Lane>();
  /** Called with the name of each event. */
  onEvent: (name: string) => void = () => {};
  /** Called when an event has been added. */
  onAdded: () => void = () => {};

  lane(name: string, subject?: Subject): Lane {
    return new Lane(this.busy, name, subject, () => this.onAdded());
  }

  /** Adds an event that depends on no other one. */
  some(name: string, act: () => void, subject?: Subject): void {
    this.lane(name, subject).add(act);
  }

  /** The lanes whose first event can happen now. */
  ready(): Lane[] {
    const ready: Lane[] = [];
    for (const lane of this.busy) if (!lane.subject || lane.subject.state === 'running') ready.push(lane);
    return ready;
  }

  /**
   * Runs the first event of a random lane.
   * @returns whether there was one
   */
  step(random: Random, among: (lane: Lane) => boolean = () => true): boolean {
    const ready = this.ready().filter(among);
    if (!ready.length) return false;
    const lane = random.pick(ready);
    const {act} = lane.events[0]!;
    lane.drop();
    this.onEvent(lane.name);
    act();
    return true;
  }

  /** Removes the events of a dead process. */
  forget(subject: Subject): void {
    for (const lane of [...this.busy]) if (lane.subject === subject) lane.clear();
  }

  get size(): number {
    let size = 0;
    for (const {events} of this.busy) size += events.length;
    return size;
  }
}
