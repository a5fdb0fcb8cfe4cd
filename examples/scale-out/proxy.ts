import {connect, createServer, type Server, type Socket} from 'node:net';
import {freePort} from './program.js';

export interface ProxyOptions {
  /** 0 takes a free one. */
  port?: number | undefined;
  /** The ports of the servers on this machine. */
  targets: readonly number[];
  /** A connection that has been silent for this time, in ms, is cut. Default 60,000, as in nginx. */
  idleMs?: number | undefined;
}

/** Forwards each connection to the next server that accepts it. It assigns no client to one server, because ShareDB does not need that. */
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

  /** Accepts connections, also again after {@link close}. */
  async open(): Promise<void> {
    // Data that a client sends before a server is found wait in its socket.
    const server = createServer({pauseOnConnect: true}, client => this.accept(client));
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  /** Cuts every connection, as a broken network does. */
  drop(): void {
    for (const client of this.clients) client.destroy();
  }

  /** Cuts every connection and accepts none. */
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

  /** @param left the number of servers that were not tried yet */
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
