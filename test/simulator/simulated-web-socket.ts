import type {Agenda, Lane} from './agenda.js';
import type {Process} from './machine.js';
import type {SimulatedSocket} from './simulated-socket.js';

/** The network of one host's WebSockets. */
export interface Network {
  readonly agenda: Agenda;
  readonly process: Process;
  /** The server can be reached. */
  readonly isUp: boolean;
  /** Makes a transport, and notes it as the present one. */
  transport(): SimulatedSocket;
  /** The WebSocket is open. */
  accept(transport: SimulatedSocket): void;
}

/** The global `WebSocket` of a host's worker. */
export class SimulatedWebSocket extends EventTarget {
  binaryType = 'blob';
  readonly bufferedAmount = 0;
  readonly extensions = '';
  readonly protocol = '';
  readyState = 0;
  private transport: SimulatedSocket | undefined;
  private readonly lane: Lane;

  constructor(readonly url: string, private readonly network: Network) {
    super();
    const {agenda, process} = network;
    this.lane = agenda.lane(`${process.name} opens a WebSocket`, process);
    this.lane.add(() => this.open());
  }

  send(data: string): void {
    this.transport!.send(data);
  }

  /** Emits no event. Browsers emit `close` later, when partysocket has removed its listeners. */
  close(): void {
    this.lane.clear();
    this.readyState = 3;
    this.transport?.close();
  }

  private open(): void {
    const {network} = this;
    if (!network.isUp) {
      this.readyState = 3;
      this.dispatchEvent(new Event('error'));
      this.dispatchEvent(new ClosingEvent(1006, ''));
      return;
    }
    const transport = this.transport = network.transport();
    transport.onmessage = ({data}) => void this.dispatchEvent(new MessageEvent('message', {data}));
    transport.onclose = close => {
      this.readyState = 3;
      // A lost network has no code.
      this.dispatchEvent(typeof close === 'object' ? new ClosingEvent(close.code, close.reason) : new ClosingEvent(1006, ''));
    };
    this.readyState = transport.readyState = 1;
    this.dispatchEvent(new Event('open'));
    network.accept(transport);
  }
}

/** A browser's `CloseEvent`: its properties come from its prototype. */
class ClosingEvent extends Event {
  readonly #code: number;
  readonly #reason: string;

  constructor(code: number, reason: string) {
    super('close');
    this.#code = code;
    this.#reason = reason;
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }

  get wasClean(): boolean {
    return this.#code !== 1006;
  }
}
