import type {Channel, OpenChannel} from './platform.js';

/**
 * Channels inside one thread. A posted value reaches every other open channel of the same name, in the order of posting, never
 * synchronously.
 * @param schedule runs a delivery later; tests pass their own to choose the order
 */
export function memoryChannels(schedule: (deliver: () => void) => void = queueMicrotask): OpenChannel {
  const rooms = new Map<string, Set<MemoryChannel>>();
  class MemoryChannel implements Channel {
    onmessage: Channel['onmessage'] = null;
    readonly sharesObjects = true;
    constructor(readonly name: string) {}
    postMessage(data: unknown): void {
      const room = rooms.get(this.name);
      if (!room?.has(this)) throw new Error(`Channel ${this.name} is closed`);
      for (const other of room) {
        if (other !== this) schedule(() => { if (room.has(other)) other.onmessage?.({data}); });
      }
    }
    close(): void {
      const room = rooms.get(this.name);
      room?.delete(this);
      if (room?.size === 0) rooms.delete(this.name);
    }
  }
  return name => {
    let room = rooms.get(name);
    if (!room) rooms.set(name, (room = new Set()));
    const channel = new MemoryChannel(name);
    room.add(channel);
    return channel;
  };
}
