import {connect, createServer, type Server, type Socket} from 'node:net';
import {freePort} from './program.js';

export interface ProxyOptions {
  /** 0 takes a free one. */
  port?: number | undefined;
  /** The ports of the servers on this machine. */
  targets: readonly number[];
  /** A connection that has been silent for so long, in ms, is cut. Default 60,000, as nginx has it. */
  idleMs?: number | undefined;
}

/** Hands each connection to the next server that takes it. It keeps none at one server: ShareDB does not need that. */
export class Proxy {
  private server: Server | undefined;
  private readonly clients = new Set<Socket>();
  private next = 0;

  private constructor(readonly port: number, private readonly options: ProxyOptions) {}

  static async listen(options: ProxyOptions): Promise<Proxy> {
    const proxy = new Proxy(options.port || await freePort(), options);
    await proxy.open();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  get connections(): number {
    return this.clients.size;
  }

  /** Takes connections, again after {@link close}. */
  async open(): Promise<void> {
    // What a client has sent before a server is found waits in its socket.
    const server = createServer({pauseOnConnect: true}, client => this.accept(client));
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  /** Cuts every connection, as a network does that breaks. */
  drop(): void {
    for (const client of this.clients) client.destroy();
  }

  /** Cuts every connection and takes none. */
  async close(): Promise<void> {
    const {server} = this;
    if (!server) return;
    this.server = undefined;
    const closed = new Promise(resolve => server.close(resolve));
    this.drop();
    await closed;
  }

  private accept(client: Socket): void {
    this.clients.add(client);
    client.on('error', () => client.destroy());
    client.on('close', () => this.clients.delete(client));
    client.setTimeout(this.options.idleMs ?? 60_000, () => client.destroy());
    this.forward(client, this.options.targets.length);
  }

  /** @param left how many servers are to be tried */
  private forward(client: Socket, left: number): void {
    if (!left || client.destroyed) return void client.destroy();
    const {targets} = this.options;
    let isOpen = false;
    const server = connect(targets[this.next++ % targets.length]!, '127.0.0.1', () => {
      isOpen = true;
      client.on('close', () => server.destroy());
      client.pipe(server);
      server.pipe(client);
    });
    server.on('error', () => server.destroy());
    server.on('close', () => {
      if (isOpen) client.destroy();
      else this.forward(client, left - 1);
    });
  }
}
