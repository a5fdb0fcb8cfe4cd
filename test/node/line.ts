import {Duplex} from 'node:stream';
import type Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import type {Clock} from '../../lib/platform/platform.js';

interface Close {
  code: number;
  reason: string;
}

/** A closed line is opened again after this time, in ms. */
const RECONNECT_MS = 500;

/** A ShareDB connection to a server over a socket that reconnects by itself. A test controls both ends. */
export class Line {
  readonly connection: InstanceType<typeof Connection>;
  /** Decides whether the socket is closed when this message arrives. */
  refuses: (message: string) => Close | undefined = () => undefined;
  /** Nothing arrives in either direction, and neither end is told. */
  isDead = false;
  /** The server sends nothing by itself. */
  isSilent = false;
  /** The number of sockets so far. */
  sockets = 0;
  readonly sent: string[] = [];
  private socket: LineSocket;

  constructor(private readonly backend: Backend, private readonly clock: Clock) {
    this.socket = new LineSocket(this);
    this.connection = new Connection(this.socket as never);
    this.open();
  }

  /** Closes the socket and opens another one. */
  readonly reconnect = (code = 1006, reason = ''): void => {
    this.isDead = false;
    this.socket.shut({code, reason});
  };

  /** Opens a socket after the last one was closed. */
  reopen(): void {
    this.clock.after(RECONNECT_MS, () => {
      this.socket = new LineSocket(this);
      (this.connection as unknown as {bindToSocket(socket: object): void}).bindToSocket(this.socket);
      this.open();
    });
  }

  onOpen: () => void = () => {};

  private open(): void {
    this.sockets++;
    this.socket.readyState = 1;
    this.socket.onopen?.();
    this.onOpen();
    if (!this.isSilent) this.backend.listen(this.socket.stream as never);
  }
}

class LineSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: {data: string}) => void) | null = null;
  onclose: ((event: Close | string) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly stream: Duplex;

  constructor(private readonly line: Line) {
    this.stream = new Duplex({
      objectMode: true,
      read: () => {},
      write: (chunk, _encoding, done) => {
        const data = JSON.stringify(chunk);
        setImmediate(() => { if (this.readyState === 1 && !line.isDead) this.onmessage?.({data}); });
        done();
      }
    });
  }

  send(data: string): void {
    const {line} = this;
    if (this.readyState !== 1) return;
    line.sent.push(data);
    setImmediate(() => {
      if (this.readyState !== 1 || line.isDead) return;
      const close = line.refuses(data);
      if (close) this.shut(close);
      else this.stream.push(JSON.parse(data));
    });
  }

  /** Closed by the client, for good. */
  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.stream.push(null);
    this.onclose?.('closed');
  }

  shut(close: Close): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.stream.push(null);
    this.onclose?.(close);
    this.line.reopen();
  }
}
