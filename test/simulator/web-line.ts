import {connectToServer} from '../../lib/host/server/server-connection.js';
import type {Random} from '../support/random.js';
import type {Process} from './machine.js';
import type {Agent, HostLine, Server} from './server.js';
import {SimulatedSocket} from './simulated-socket.js';
import type {Network} from './simulated-web-socket.js';
import type {Agenda} from './agenda.js';

/** The codes with which a server closes a connection: those of RFC 6455 (7.4.1) and of its registry, and those of apps. */
const CODES = [1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 4001, 4401, 4999];
/** Codes that a browser gives if the server has sent none: they have no reason. */
const UNTOLD = new Set([1005, 1006]);

/** A host's connection over the WebSocket that it opens itself, and opens again. */
export class WebLine implements HostLine, Network {
  readonly connection: HostLine['connection'];
  agent: Agent | undefined;
  isUp = true;
  /** The next WebSockets are opened, and the server sends nothing. */
  isMute = false;
  onRefused = (): void => {};
  private current: SimulatedSocket | undefined;

  constructor(private readonly server: Server, readonly agenda: Agenda, readonly process: Process, private readonly onOnline: () => void) {
    this.connection = connectToServer(`ws://server/${encodeURIComponent(process.name)}`) as unknown as HostLine['connection'];
  }

  transport(): SimulatedSocket {
    return (this.current = new SimulatedSocket(this.agenda, this.process, Infinity, () => this.onRefused()));
  }

  accept(transport: SimulatedSocket): void {
    if (this.isMute) return;
    this.agent = this.server.backend.listen(transport.stream as never) as unknown as Agent;
    this.agent.custom.isHost = true;
    this.agent.custom.user = this.server.user;
  }

  lose(chance: () => boolean): void {
    this.isUp = false;
    this.current?.lose(chance());
  }

  restore(): void {
    this.isMute = false;
    if (this.isUp) return;
    this.isUp = true;
    this.onOnline();
  }

  /** The network delivers nothing any more, and the WebSocket stays open. */
  goSilent(): void {
    this.current?.goSilent();
  }

  /**
   * The server closes the connection.
   * @returns the code and the reason
   */
  endByServer(random: Random): {code: number; reason: string} | undefined {
    if (this.current?.readyState !== 1) return undefined;
    const code = random.pick(CODES);
    const reason = UNTOLD.has(code) ? '' : `closing ${random.below(1000)}`;
    this.close(code, reason);
    return {code, reason};
  }

  close(code: number, reason: string): void {
    this.current!.end(code, reason);
  }

  /** Stops the WebSocket of a dead process, which would otherwise open further ones while the next host runs. */
  die(): void {
    const {socket} = this.connection as unknown as {socket: {onclose: unknown; send(data: string): void; close(): void}};
    socket.onclose = null;
    socket.send = () => {};
    socket.close();
  }
}
