import {blockThread} from '../../platform/block-thread.js';
import type {Clock} from '../../platform/platform.js';
import {isObject} from '../../protocol/checks.js';
import {TabsError} from '../../protocol/errors.js';
import {MAX_FREEZE_MS, type FaultRequest, type FaultState} from '../../protocol/faults.js';
import type {Place} from '../../protocol/frames.js';
import type {FaultAccess} from './connect-gate.js';
import {SlowLink, type HookedSocket} from './slow-link.js';
import type {RealConnection} from '../upstream.js';

/** Delay before a host is frozen or killed, in ms, so that it can answer the request first. */
const ANSWER_MS = 50;
/** The longest delay of messages, in ms. Longer delays only make requests time out. */
const MAX_DELAY_MS = 60_000;

export interface FaultInjectionOwner {
  readonly connection: RealConnection;
  readonly access: FaultAccess;
  readonly place: Place;
  readonly clock: Clock;
  /** Ends the host synchronously. */
  abandon(): void;
}

/** Causes faults that an app has to handle: a lost or slow network, a frozen or killed host. The first request loads this code. */
export class FaultInjection {
  private link: SlowLink | undefined;

  constructor(private readonly owner: FaultInjectionOwner) {}

  get state(): FaultState {
    const delay = this.link?.delay ?? 0;
    return {network: this.owner.access.gate.isClosed ? 'cut' : delay ? 'slow' : 'untouched', delay};
  }

  /** @throws ERR_TABS_FAULT_REFUSED if this host does not support the fault, or ERR_MESSAGE_BADLY_FORMED if the request is invalid */
  inject(request: unknown): FaultState {
    const {clock} = this.owner;
    const known = parse(request);
    switch (known.fault) {
      case 'cut':
        this.cut();
        break;
      case 'restore':
        this.restore();
        break;
      case 'slow':
        this.linkOf(this.socket).delay = known.ms;
        break;
      case 'freeze':
        clock.after(ANSWER_MS, () => blockThread(known.ms));
        break;
      case 'kill':
        this.kill();
        break;
      default:
        known satisfies never;
    }
    return this.state;
  }

  /** Drops delayed messages, because the host has closed. */
  end(): void {
    this.link?.drop();
  }

  private get socket(): HookedSocket {
    const {socket} = this.owner.connection as unknown as {socket?: HookedSocket};
    if (!socket) throw refused('The connection to the server has no socket');
    return socket;
  }

  private linkOf(socket: HookedSocket): SlowLink {
    if (this.link?.socket !== socket) {
      this.link?.drop();
      this.link = new SlowLink(socket, this.owner.clock);
    }
    return this.link;
  }

  /** Cuts the network. The library's socket reconnects, which the closed gate makes fail. An app's own socket is closed instead. */
  private cut(): void {
    const {gate} = this.owner.access;
    const {socket} = this;
    if (!socket.reconnect) throw refused("The app's own connection has a socket without `reconnect()`: the library could not open it again");
    if (gate.isClosed) return;
    gate.isClosed = true;
    if (gate.isUsed) socket.reconnect();
    else socket.close();
  }

  private restore(): void {
    const {gate} = this.owner.access;
    if (this.link) this.link.delay = 0;
    if (!gate.isClosed) return;
    gate.isClosed = false;
    this.socket.reconnect?.();
  }

  private kill(): void {
    const {owner} = this;
    const {place, clock, access} = owner;
    if (place === 'direct') throw refused('This tab connects directly: its host is this page. Reload the page instead');
    clock.after(ANSWER_MS, access.kill ?? (() => owner.abandon()));
  }
}

const refused = (reason: string): TabsError => new TabsError('ERR_TABS_FAULT_REFUSED', `Nothing was done: ${reason}`);

function parse(request: unknown): FaultRequest {
  const {fault, ms} = (isObject(request) ? request : {}) as {fault?: unknown; ms?: unknown};
  const max = {slow: MAX_DELAY_MS, freeze: MAX_FREEZE_MS}[fault as 'slow'];
  const isTimed = typeof ms === 'number' && ms >= 0 && ms <= (max ?? -1);
  if (fault === 'cut' || fault === 'restore' || fault === 'kill' || (max !== undefined && isTimed)) return request as FaultRequest;
  throw Object.assign(new Error(`Unknown fault, or a time that is not from 0 to ${max ?? MAX_FREEZE_MS} ms`), {code: 'ERR_MESSAGE_BADLY_FORMED'});
}
