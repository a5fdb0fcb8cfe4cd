import {AsyncLocalStorage} from 'node:async_hooks';
import type {Random} from '../support/random.js';
import type {Machine, Process} from './machine.js';
import {SimulatedWebSocket, type Network} from './simulated-web-socket.js';

const NAMES = ['setTimeout', 'clearTimeout', 'WebSocket', 'addEventListener', 'removeEventListener'] as const;

/** Whether code belongs to a walk. Code that other tests have left in this process uses the real globals. */
const inWalk = new AsyncLocalStorage<true>();

/** The globals of a host's worker that `connectToServer` and partysocket use: they take no clock and no network as options. */
export class BorrowedGlobals {
  private readonly online = new Set<() => void>();

  constructor(private readonly machine: Machine, private readonly random: Random) {}

  /**
   * Gives the simulated globals to all code until the end of `act`.
   * @param owner the process that timers belong to: the one that has begun last
   */
  async during<Result>(owner: () => Process | undefined, networkOf: (url: string) => Network, act: () => Promise<Result>): Promise<Result> {
    const {machine: {clock}, random, online} = this;
    const target = globalThis as unknown as Record<string, unknown>;
    const before = new Map<string, PropertyDescriptor | undefined>(NAMES.map(name => [name, Object.getOwnPropertyDescriptor(target, name)]));
    const {now} = Date;
    const {random: chance} = Math;
    const {setTimeout: wait, clearTimeout: cancelWait} = globalThis;
    const replacements: Record<typeof NAMES[number], unknown> = {
      setTimeout: (callback: () => void, ms = 0, ...rest: unknown[]) => {
        if (!inWalk.getStore()) return wait(callback as (...args: unknown[]) => void, ms, ...rest);
        const process = owner();
        return process ? process.clock.after(Math.ceil(ms), callback) : () => {};
      },
      clearTimeout: (timer?: (() => void) | NodeJS.Timeout) => {
        if (typeof timer === 'function') timer();
        else cancelWait(timer);
      },
      WebSocket: class extends SimulatedWebSocket {
        constructor(url: string) {
          super(url, networkOf(url));
        }
      },
      addEventListener: (event: string, listener: () => void) => { if (event === 'online' && inWalk.getStore()) online.add(listener); },
      removeEventListener: (_event: string, listener: () => void) => online.delete(listener)
    };
    for (const [name, value] of Object.entries(replacements)) Object.defineProperty(target, name, {value, configurable: true, writable: true});
    Date.now = () => (inWalk.getStore() ? clock.now + clock.offset : now());
    Math.random = () => (inWalk.getStore() ? random.below(1000) / 1000 : chance());
    try {
      return await inWalk.run(true, act);
    } finally {
      for (const [name, descriptor] of before) {
        if (descriptor) Object.defineProperty(target, name, descriptor);
        else delete target[name];
      }
      Date.now = now;
      Math.random = chance;
      // Without it, all later promises of this process are slower.
      inWalk.disable();
    }
  }

  /** The browser emits `online`: the machine has a network again. */
  tellOnline(): void {
    for (const listener of [...this.online]) listener();
  }
}
