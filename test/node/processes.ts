import type {Channel, Locks, OpenChannel} from '../../lib/platform/platform.js';
import type {Random} from '../support/random.js';

/** A simulated process. A killed process sends and receives nothing, and holds no lock. */
export interface Process {
  channel: OpenChannel;
  locks: Locks;
  kill(): void;
  /** Stops the process: no message arrives and no code runs until `thaw`. */
  freeze(): void;
  thaw(): void;
}

/**
 * Examines a message that is under way.
 * @returns false to lose it
 */
export type Look = (name: string, data: unknown) => boolean;

/**
 * Processes of one browser. Messages between two ends of a channel keep their order; the order between different ends is random. A posted
 * message arrives even if its sender has died, and then before the messages of others (see `hasStragglers`).
 */
export class Browser {
  private readonly rooms = new Map<string, Set<End>>();
  private readonly wires = new Map<string, (() => void)[]>();
  private readonly deadEnds = new Set<number>();
  private readonly locks = new LockTable();
  private pumping = false;
  private ends = 0;
  look: Look = () => true;

  constructor(private readonly random: Random) {}

  process(): Process {
    const state = {isDead: false, frozen: undefined as (() => void)[] | undefined};
    const ends: End[] = [];
    const run = (act: () => void): void => {
      if (state.isDead) return;
      if (state.frozen) state.frozen.push(act);
      else act();
    };
    const locks = this.locks.of(() => !state.isDead, run);
    return {
      locks: locks.locks,
      channel: name => {
        const end = new End(++this.ends, data => { if (!state.isDead) this.post(end, name, data); }, () => this.rooms.get(name)?.delete(end), run);
        ends.push(end);
        let room = this.rooms.get(name);
        if (!room) this.rooms.set(name, (room = new Set()));
        room.add(end);
        return end;
      },
      kill: () => {
        state.isDead = true;
        for (const end of ends) {
          end.close();
          this.deadEnds.add(end.id);
        }
        locks.releaseAll();
      },
      freeze: () => { state.frozen = []; },
      thaw: () => {
        const held = state.frozen ?? [];
        state.frozen = undefined;
        for (const act of held) act();
      }
    };
  }

  /** Whether messages of a dead process are under way. In a browser they arrive within milliseconds. */
  get hasStragglers(): boolean {
    return this.straggling().length > 0;
  }

  private straggling(): string[] {
    return [...this.wires.keys()].filter(wire => this.deadEnds.has(parseInt(wire, 10)));
  }

  private post(from: End, name: string, data: unknown): void {
    if (!this.look(name, data)) return;
    for (const to of this.rooms.get(name) ?? []) {
      if (to === from) continue;
      const wire = `${from.id}>${to.id}`;
      const copy = structuredClone(data);
      this.wires.set(wire, [...(this.wires.get(wire) ?? []), () => to.receive(copy)]);
    }
    this.pump();
  }

  /** Delivers a few messages in each turn of the event loop. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    setImmediate(() => {
      this.pumping = false;
      for (let i = this.random.below(4); i >= 0; i--) {
        if (!this.wires.size) return;
        const stragglers = this.straggling();
        const wire = this.random.pick(stragglers.length ? stragglers : [...this.wires.keys()]);
        const [deliver, ...rest] = this.wires.get(wire)!;
        if (rest.length) this.wires.set(wire, rest);
        else this.wires.delete(wire);
        deliver!();
      }
      this.pump();
    });
  }
}

class End implements Channel {
  onmessage: Channel['onmessage'] = null;
  private closed = false;

  constructor(
    readonly id: number, readonly postMessage: (data: unknown) => void, private readonly leave: () => void, private readonly run: (act: () => void) => void
  ) {}

  receive(data: unknown): void {
    this.run(() => { if (!this.closed) this.onmessage?.({data}); });
  }

  close(): void {
    this.closed = true;
    this.leave();
  }
}

interface Claim {
  name: string;
  isAlive: () => boolean;
  start(): void;
  end(): void;
}

/** The Web Locks of a browser, as far as the library uses them. */
class LockTable {
  private readonly held = new Map<string, Claim>();
  private readonly waiting: Claim[] = [];

  of(isAlive: () => boolean, run: (act: () => void) => void): {locks: Locks; releaseAll(): void} {
    const claims: Claim[] = [];
    return {
      locks: {
        request: (name, {ifAvailable, signal}, callback) => new Promise((resolve, reject) => {
          const claim: Claim = {
            name, isAlive,
            start: () => run(() => void Promise.resolve().then(() => (isAlive() ? callback({name}) : undefined))
              .then(resolve, reject).then(() => claim.end())),
            end: () => {
              if (this.held.get(name) === claim) this.held.delete(name);
              this.grant(name);
            }
          };
          claims.push(claim);
          if (ifAvailable && this.held.has(name)) return void Promise.resolve(callback(null)).then(resolve, reject);
          this.waiting.push(claim);
          signal?.addEventListener('abort', () => {
            const at = this.waiting.indexOf(claim);
            if (at < 0) return;
            this.waiting.splice(at, 1);
            reject(new DOMException('aborted', 'AbortError'));
          });
          this.grant(name);
        }),
        query: async () => ({held: [...this.held.keys()].map(name => ({name}))})
      },
      releaseAll: () => { for (const claim of claims) claim.end(); }
    };
  }

  private grant(name: string): void {
    if (this.held.has(name)) return;
    const at = this.waiting.findIndex(claim => claim.name === name && claim.isAlive());
    if (at < 0) return;
    const [claim] = this.waiting.splice(at, 1);
    this.held.set(name, claim!);
    claim!.start();
  }
}
