import type {Channel, OpenChannel} from '../../lib/platform/platform.js';
import type {Random} from '../support/random.js';
import type {Agenda, Lane, Subject} from './agenda.js';

/**
 * BroadcastChannels and MessagePorts whose messages arrive when the walk decides. Messages between two ends keep their order, as in
 * browsers. Between different ends the order is random.
 */
export class Wires {
  private readonly lanes = new Map<string, Lane>();
  private readonly senders = new Map<Lane, Subject>();
  private readonly rooms = new Map<string, Set<WiredChannel>>();
  private ends = 0;
  /** Senders whose messages arrived after the other side had closed its end: a host closes the session of a page whose lock is free. */
  readonly tooLate = new Set<string>();
  /** Examines each posted message. If it returns false, the message is lost. */
  look: (name: string, data: unknown) => boolean = () => true;

  constructor(private readonly agenda: Agenda) {}

  /** Opens channels in one process. */
  of(subject: Subject): OpenChannel {
    return name => {
      const channel = new WiredChannel(this, name, ++this.ends, subject);
      let room = this.rooms.get(name);
      if (!room) this.rooms.set(name, (room = new Set()));
      if (subject.state === 'dead') channel.closed = true;
      else room.add(channel);
      return channel;
    };
  }

  /** Both ends of a message channel. */
  ports(one: Subject, other: Subject): [Channel, Channel] {
    const name = `port ${++this.ends}`;
    const ports: [WiredPort, WiredPort] = [new WiredPort(this, name, ++this.ends, one), new WiredPort(this, name, ++this.ends, other)];
    this.rooms.set(name, new Set(ports));
    return ports;
  }

  /** A dead process sends and receives nothing. Its posted messages are still under way. */
  forget(subject: Subject): void {
    for (const room of this.rooms.values()) {
      for (const channel of [...room]) if (channel.subject === subject) channel.close();
    }
  }

  /** The names of processes with open channels. */
  get inUse(): string[] {
    return [...this.rooms.values()].flatMap(room => [...room].map(({subject}) => subject.name));
  }

  /** Whether a lane has messages of a process that has died. */
  isOfDead(lane: Lane): boolean {
    return this.senders.get(lane)?.state === 'dead';
  }

  post(from: WiredChannel, data: unknown): void {
    if (!this.look(from.name, data)) return;
    for (const to of this.rooms.get(from.name) ?? []) {
      if (to === from) continue;
      const key = `${from.end}>${to.end}`;
      let lane = this.lanes.get(key);
      if (!lane) {
        lane = this.agenda.lane(`a message of ${from.subject.name} to ${to.subject.name}`, to.receiver);
        this.lanes.set(key, lane);
        this.senders.set(lane, from.subject);
      }
      const copy = structuredClone(data);
      lane.add(() => {
        if (to.closed) this.tooLate.add(from.subject.name);
        else to.onmessage?.({data: copy});
      }, copy);
    }
  }

  close(channel: WiredChannel): void {
    this.rooms.get(channel.name)?.delete(channel);
    for (const lane of this.lanes.values()) {
      if (lane.subject !== channel.receiver || lane.subject === channel.subject) continue;
      if (lane.events.length) this.tooLate.add(this.senders.get(lane)!.name);
      lane.clear();
    }
  }

  /** Loses a batch of a session, or delivers it twice. The session has to notice that. Browsers do neither. */
  disturb(random: Random): void {
    const batches = [...this.lanes.values()].filter(({events: [first]}) => (first?.message as {type?: string} | undefined)?.type === 'batch');
    if (!batches.length) return;
    const lane = random.pick(batches);
    if (random.below(2)) lane.drop();
    else lane.events.unshift(lane.events[0]!);
  }
}

class WiredChannel implements Channel {
  onmessage: Channel['onmessage'] = null;
  closed = false;
  /** The process whose state decides whether messages arrive. */
  readonly receiver: Subject;
  constructor(private readonly wires: Wires, readonly name: string, readonly end: number, readonly subject: Subject) {
    this.receiver = this.receive(subject);
  }

  protected receive(subject: Subject): Subject {
    return subject;
  }

  postMessage(data: unknown): void {
    if (this.subject.state === 'dead') return;
    if (this.closed) throw new Error(`Channel ${this.name} is closed`);
    this.wires.post(this, data);
  }

  close(): void {
    this.closed = true;
    this.wires.close(this);
  }
}

/** Messages to an end without a listener wait there. */
class WiredPort extends WiredChannel {
  protected override receive(subject: Subject): Subject {
    const isHeard = (): boolean => this.onmessage !== null;
    return {name: subject.name, get state() { return subject.state === 'running' && !isHeard() ? 'frozen' : subject.state; }};
  }
}
