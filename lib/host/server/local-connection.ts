import {Connection, types} from 'sharedb/lib/client/index.js';
import {nextTick} from '../../platform/next-tick.js';
import type {RealConnection} from '../upstream.js';

interface Request {
  a: string;
  c: string;
  d: string;
  v?: number | null;
  src?: string;
  seq?: number;
}

/**
 * Creates a ShareDB connection for local documents, which no server has. Its socket acknowledges each op, so the rest of the host handles
 * a local document as any other. The socket stores nothing: an op is sent only when its record is durable, and no other client writes, so
 * the host's copy is the document.
 * @param id the connection's id
 */
export function localConnection(id: string): RealConnection {
  const connection = new Connection(new LocalSocket(id) as never) as unknown as RealConnection;
  // Without a listener, `emit('error')` throws.
  connection.on('error', () => {});
  return connection;
}

class LocalSocket {
  readonly readyState = 1;
  onmessage: ((event: {data: unknown}) => void) | null = null;
  onclose: ((reason: string) => void) | null = null;
  private answers: object[] = [];

  constructor(private readonly id: string) {}

  send(json: string): void {
    const request = JSON.parse(json) as Request;
    const answer = this.answerTo(request);
    // The handshake is answered synchronously, so that the connection is connected from the start.
    if (request.a === 'hs') return this.onmessage?.({data: answer});
    if (!answer) return;
    this.answers.push(answer);
    if (this.answers.length === 1) nextTick(() => this.deliver());
  }

  close(): void {
    this.answers = [];
    this.onclose?.('closed');
  }

  private deliver(): void {
    for (const data of this.answers.splice(0)) this.onmessage?.({data});
  }

  private answerTo({a, c, d, v, src, seq}: Request): object | undefined {
    switch (a) {
      case 'hs':
        return {a, protocol: 1, protocolMinor: 1, id: this.id, type: types.defaultType.uri};
      case 'f':
      case 's':
        // The host has the only copy, so a document without a version does not exist.
        return v === null || v === undefined ? {a, c, d, data: {v: 0, type: null}} : {a, c, d};
      case 'u':
        return {a, c, d};
      case 'op':
        return {a, c, d, v: v ?? 0, src: src ?? this.id, seq};
      default:
        return undefined;
    }
  }
}
