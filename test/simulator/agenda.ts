import type {Random} from '../karma/random.js';

/** Who something happens to: nothing happens to the frozen and the dead. */
export interface Subject {
  readonly name: string;
  readonly state: 'running' | 'frozen' | 'dead';
}

interface Event {
  act: () => void;
  /** What is delivered, where it is a message. */
  message: unknown;
}

/** Events that happen in their order, each when the walk says so. */
export class Lane {
  readonly events: Event[] = [];

  constructor(private readonly busy: Set<Lane>, readonly name: string, readonly subject: Subject | undefined) {}

  add(act: () => void, message?: unknown): void {
    if (this.subject?.state === 'dead') return;
    this.events.push({act, message});
    this.busy.add(this);
  }

  /** Takes the first event off without letting it happen. */
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
 * All that is about to happen, in lanes: messages under way, answers of the server and of the disk, locks that
 * become free. There is an order within a lane and none between lanes, but for the one that chance makes.
 */
export class Agenda {
  private readonly busy = new Set<Lane>();
  /** Told of all that happens. */
  onEvent: (name: string) => void = () => {};

  lane(name: string, subject?: Subject): Lane {
    return new Lane(this.busy, name, subject);
  }

  /** Something that happens some time, after nothing in particular. */
  some(name: string, act: () => void, subject?: Subject): void {
    this.lane(name, subject).add(act);
  }

  /** The lanes in which something can happen now. */
  ready(): Lane[] {
    const ready: Lane[] = [];
    for (const lane of this.busy) if (!lane.subject || lane.subject.state === 'running') ready.push(lane);
    return ready;
  }

  /** Lets the first event of a lane that chance picks happen. @returns whether there was one */
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

  /** What was to happen to somebody who is dead does not happen. */
  forget(subject: Subject): void {
    for (const lane of [...this.busy]) if (lane.subject === subject) lane.clear();
  }

  get size(): number {
    let size = 0;
    for (const {events} of this.busy) size += events.length;
    return size;
  }
}
