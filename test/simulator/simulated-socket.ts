import {Duplex} from 'node:stream';
import type {Agenda, Lane, Subject} from './agenda.js';

type Listener = ((event?: any) => void) | null;

/** A WebSocket to the server. Each direction keeps its order. */
export class SimulatedSocket {
  readyState = 0;
  /** The client does not want a connection any more. */
  isGivenUp = false;
  onopen: Listener = null;
  onmessage: Listener = null;
  onclose: Listener = null;
  onerror: Listener = null;
  readonly stream: Duplex;
  private readonly toServer: Lane;
  private readonly toClient: Lane;
  /** The network delivers nothing, and the socket gets no event. */
  private isDead = false;

  constructor(agenda: Agenda, subject: Subject, private readonly limit: number, private readonly onRefused: () => void) {
    this.toServer = agenda.lane(`${subject.name} to the server`);
    this.toClient = agenda.lane(`the server to ${subject.name}`, subject);
    this.stream = new Duplex({
      objectMode: true,
      read: () => {},
      write: (chunk, _encoding, done) => {
        const data = JSON.stringify(chunk);
        if (!this.isDead) this.toClient.add(() => { if (this.readyState === 1) this.onmessage?.({data}); }, chunk);
        done();
      },
      final: done => {
        this.toClient.add(() => this.shut('stopped'));
        done();
      }
    });
  }

  send(data: string): void {
    if (this.readyState !== 1 || this.isDead) return;
    const message: unknown = JSON.parse(data);
    this.toServer.add(() => {
      if (data.length <= this.limit) this.stream.push(message);
      else this.refuse();
    }, message);
  }

  /** RFC 6455, section 7.4.1: the message is too large. */
  private refuse(): void {
    this.end(1009, '', () => this.onRefused());
  }

  /** The server closes the connection. It does not read later messages. The client still gets the earlier ones. */
  end(code: number, reason: string, onEnd = (): void => {}): void {
    this.toServer.clear();
    if (this.isDead) return;
    this.toClient.add(() => {
      this.shut({code, reason});
      onEnd();
    });
  }

  /** A router has dropped the connection. Neither end gets an event. */
  goSilent(): void {
    this.isDead = true;
    this.toServer.clear();
    this.toClient.clear();
  }

  close(): void {
    this.isGivenUp = true;
    this.shut('closed');
  }

  /** The client has died. The server receives its earlier messages first. */
  die(): void {
    this.onclose = null;
    this.shut('closed');
  }

  lose(arrives: boolean): void {
    if (this.readyState === 3) return;
    if (!arrives) this.toServer.clear();
    this.toClient.clear();
    this.shut('disconnected');
  }

  private shut(reason: string | {code: number; reason: string}): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.toServer.add(() => this.stream.push(null));
    this.onclose?.(reason);
  }
}
