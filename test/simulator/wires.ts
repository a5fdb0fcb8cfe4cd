import type {Channel, OpenChannel} from '../../lib/platform/platform.js';
import type {Random} from '../karma/random.js';

interface Wire {
  deliveries: (() => void)[];
}

/**
 * Channels whose messages arrive when the test says so. Between two ends they keep their order, as
 * browsers keep it; between different ends there is none.
 */
export class Wires {
  private readonly wires = new Map<string, Wire>();
  private readonly rooms = new Map<string, Set<WiredChannel>>();
  private ends = 0;
  /** Every message that was posted, for tests that look at the traffic. */
  onPost: ((name: string, data: unknown) => void) | undefined;

  readonly open: OpenChannel = name => {
    const channel = new WiredChannel(this, name, ++this.ends);
    let room = this.rooms.get(name);
    if (!room) this.rooms.set(name, (room = new Set()));
    room.add(channel);
    return channel;
  };

  /** Channels of one process: it can die, and then says and hears nothing any more. */
  process(): {open: OpenChannel; kill(): void} {
    const opened: WiredChannel[] = [];
    let isDead = false;
    return {
      open: name => {
        const channel = this.open(name) as WiredChannel;
        opened.push(channel);
        if (isDead) channel.kill();
        return channel;
      },
      kill: () => {
        isDead = true;
        for (const channel of opened) channel.kill();
      }
    };
  }

  get pending(): number {
    let count = 0;
    for (const {deliveries} of this.wires.values()) count += deliveries.length;
    return count;
  }

  /** Delivers the oldest message of a wire that chance picks. @returns whether there was one */
  deliverOne(random: Random): boolean {
    const busy = [...this.wires.values()].filter(({deliveries}) => deliveries.length);
    if (!busy.length) return false;
    random.pick(busy).deliveries.shift()!();
    return true;
  }

  post(from: WiredChannel, data: unknown): void {
    this.onPost?.(from.name, data);
    for (const to of this.rooms.get(from.name) ?? []) {
      if (to === from) continue;
      const key = `${from.end}>${to.end}`;
      let wire = this.wires.get(key);
      if (!wire) this.wires.set(key, (wire = {deliveries: []}));
      const copy = structuredClone(data);
      wire.deliveries.push(() => { if (!to.closed) to.onmessage?.({data: copy}); });
    }
  }

  close(channel: WiredChannel): void {
    this.rooms.get(channel.name)?.delete(channel);
  }
}

class WiredChannel implements Channel {
  onmessage: Channel['onmessage'] = null;
  closed = false;
  constructor(private readonly wires: Wires, readonly name: string, readonly end: number) {}

  postMessage(data: unknown): void {
    if (this.closed) throw new Error(`Channel ${this.name} is closed`);
    this.wires.post(this, data);
  }

  close(): void {
    this.closed = true;
    this.wires.close(this);
  }

  /** What it posts is lost, without an error. */
  kill(): void {
    this.close();
    this.postMessage = () => {};
  }
}
