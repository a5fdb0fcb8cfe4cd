import type {IncomingMessage} from 'node:http';
import {connect} from 'node:net';
import type {Duplex} from 'node:stream';

interface Tunnel {
  hold(): void;
  lose(): void;
  close(): void;
}

/** Forwards WebSockets to a server on another port. While that server is stopped, they are refused. */
export class Tunnels {
  readonly #open = new Set<Tunnel>();
  #mostAtOnce = 0;
  #total = 0;
  #isLost = false;
  #mutes = 0;

  constructor(private readonly host: string) {}

  /** The largest number of WebSockets that were open at one time. */
  get mostAtOnce(): number {
    return this.#mostAtOnce;
  }

  /** The number of WebSockets that were opened. */
  get total(): number {
    return this.#total;
  }

  open({method, url, rawHeaders}: IncomingMessage, client: Duplex, head: Buffer, port: number): void {
    if (this.#isLost) return void client.destroy();
    const server = connect(port, this.host);
    const close = () => {
      this.#open.delete(tunnel);
      client.destroy();
      server.destroy();
    };
    const tunnel: Tunnel = {
      hold: () => void server.unpipe(client).pause(),
      lose() {
        server.unpipe(client).pause();
        client.unpipe(server).pause();
      },
      close
    };
    for (const end of [client, server]) end.on('error', close).on('close', close);
    // If answers are held back, nothing else closes the other half.
    client.on('end', close);
    server.once('connect', () => {
      this.#open.add(tunnel);
      this.#total++;
      this.#mostAtOnce = Math.max(this.#mostAtOnce, this.#open.size);
      const headers = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${rawHeaders[i + 1]}\r\n`]));
      server.write(`${method} ${url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      server.write(head);
      if (this.#mutes) {
        this.#mutes--;
        // The answer to the handshake arrives in one piece; the server's later messages are held back.
        server.once('data', (answer: Buffer) => {
          server.pause();
          client.write(answer.subarray(0, answer.indexOf('\r\n\r\n') + 4));
        });
        client.pipe(server);
      } else {
        server.pipe(client).pipe(server);
      }
    });
  }

  /** From now on the server receives the messages of open WebSockets, but its answers are held back. */
  holdAnswers(): void {
    for (const tunnel of this.#open) tunnel.hold();
  }

  /** The next WebSocket opens, but nothing from the server arrives. */
  muteNext(): void {
    this.#mutes++;
  }

  /** Ends every WebSocket. */
  cut(): void {
    for (const tunnel of this.#open) tunnel.close();
  }

  /** Simulates a lost network: messages are dropped without an event. */
  lose(): void {
    this.#isLost = true;
    for (const tunnel of this.#open) tunnel.lose();
  }

  /** Restores the network. It does not know the earlier WebSockets. */
  find(): void {
    this.#isLost = false;
    for (const tunnel of this.#open) tunnel.close();
  }
}
