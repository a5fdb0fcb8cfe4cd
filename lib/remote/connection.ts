import {systemClock} from '../platform/browser.js';
import type {Clock} from '../platform/platform.js';
import {Calls, CallRecord} from './calls.js';
import {deferred} from './deferred.js';
import type {EndpointTransport} from './endpoints.js';
import {encode} from './encode.js';
import {RemoteError, encodeError, released, tooMany, unsendable} from './errors.js';
import {evaluateOn} from './evaluate.js';
import {FAIL} from './flow-link.js';
import {Flows} from './flows.js';
import {HandlerContexts} from './handlers.js';
import {Inbox} from './inbox.js';
import {markOf} from './markers.js';
import type {ResolvedOptions} from './options.js';
import {Outbox} from './outbox.js';
import {peerLocks, type PeerLocks} from './peer-locks.js';
import {Exports, Imports, type Reference} from './references.js';
import {iterateResult, operateOnResult, releaseResult} from './results.js';
import {createStub, describe, type StubNode, type StubPeer} from './stubs.js';
import type {Connection, Evaluate, FrameTransport} from './types.js';
import {BYE, OPERATE, FLOW, FLUSH, HELLO, NEVER, RELEASE, SEEN, THROW, RETURN, WANTED, outgoing, type Kind, type Outgoing, type Wants, type WireReference} from './wire.js';

/** The codes with which a connection can end. */
export type EndCode = 'ERR_REMOTE_CLOSED' | 'ERR_REMOTE_PROTOCOL' | 'ERR_REMOTE_NO_SERVICE';

const KIND_NAMES = ['call', 'read', 'set', 'new', 'delete', 'evaluate', 'evaluate', 'flush', 'port'];

/**
 * One end of a connection, between a frame transport and stubs. The transport can be a session with a host as well as a port.
 */
export class Peer implements Connection, StubPeer {
  state: 'connecting' | 'open' | 'closed' = 'connecting';
  readonly connection: Connection = this;
  // Fields that the constructor sets are declared: to define them as well would only make the code larger.
  declare readonly calls: Calls;
  declare readonly flows: Flows;
  declare readonly imports: Imports;
  declare readonly exports: Exports;
  declare readonly handlers: HandlerContexts;
  declare readonly root: () => void;
  declare private readonly outbox: Outbox;
  declare private readonly inbox: Inbox;
  declare locks: PeerLocks | undefined;
  private readonly nonce = Math.random().toString(36).slice(2) + Date.now().toString(36);
  private lastId = 0;
  declare closedBy: RemoteError | undefined;
  private readonly opening = deferred<void>();
  private readonly closing = deferred<Error>();
  readonly ready = this.opening.promise;
  readonly closed = this.closing.promise;
  private readonly results = new FinalizationRegistry<CallRecord['trace']>(({id, isOver}) => isOver || this.closedBy || this.imports.releaseResult(id));

  constructor(readonly transport: FrameTransport & Partial<EndpointTransport>, readonly options: ResolvedOptions, readonly clock: Clock = systemClock) {
    this.ready.catch(() => {});
    this.outbox = new Outbox(this);
    this.calls = new Calls(this);
    this.imports = new Imports(this);
    this.exports = new Exports(this);
    this.flows = new Flows(this);
    this.handlers = new HandlerContexts(this);
    this.inbox = new Inbox(this);
    this.root = createStub(this, 0);
    transport.onframe = frame => this.inbox.receive(frame);
    transport.onclose = (reason, mayHaveRun) => this.end(reason, false, mayHaveRun);
    transport.onfault = reason => this.state === 'connecting' && this.end(reason, false);
    if (options.signal?.aborted) {
      this.end('its signal is aborted', false);
      return;
    }
    const abort = (): void => this.close('its signal was aborted');
    options.signal?.addEventListener('abort', abort);
    void this.closed.then(() => options.signal?.removeEventListener('abort', abort));
    this.handlers.connect();
    const {locks} = transport;
    if (locks) {
      const own = this.locks = peerLocks(
        locks, clock, this.nonce, () => this.greet(), () => transport.mayReload ? this.restart() : this.end('the other side has died', false)
      );
      transport.onaway = isAway => isAway ? own.suspend() : own.resume();
      own.resume();
    } else this.greet();
    if (transport.isConnected) this.open();
  }

  // ---- the life of a connection

  greet(): void {
    try {
      this.outbox.postNow([HELLO, this.options.name, this.locks?.features ?? [], this.nonce]);
    } catch (error) {
      this.end(`nothing can be posted: ${String(error)}`, false);
    }
  }

  open(): void {
    if (this.state !== 'connecting') return;
    this.state = 'open';
    this.outbox.isHeld = false;
    this.opening.resolve();
    this.outbox.schedule(true);
  }

  /** Ends all calls, flows and references, because the other side was reloaded and has no state. */
  restart(): void {
    this.drop('the other side was reloaded', true);
  }

  close(reason = 'it was closed here'): void {
    this.end(reason, true);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @param sendsBye whether to send BYE to the other side */
  end(reason: string, sendsBye: boolean, mayHaveRun = true, code: EndCode = 'ERR_REMOTE_CLOSED'): void {
    if (this.state === 'closed') return;
    if (sendsBye) this.sendBye(reason);
    this.state = 'closed';
    this.closedBy = new RemoteError(code, `The connection has ended: ${reason}`, {mayHaveRun: false});
    this.outbox.close();
    this.drop(reason, mayHaveRun, code === 'ERR_REMOTE_NO_SERVICE' ? code : undefined);
    this.transport.onframe = this.transport.onclose = null;
    this.transport.onfault = this.transport.onaway = null;
    this.locks?.close();
    this.transport.close();
    this.handlers.disconnect();
    this.opening.reject(this.closedBy);
    this.closing.resolve(this.closedBy);
  }

  private sendBye(reason: string): void {
    this.outbox.flush();
    try {
      this.outbox.postNow([BYE, reason]);
    } catch {
      // The endpoint is gone, so the other side gets no message.
    }
  }

  private drop(reason: string, mayHaveRun: boolean, code: EndCode = 'ERR_REMOTE_CLOSED'): void {
    this.calls.rejectAll(reason, mayHaveRun, code);
    this.flows.close(new RemoteError('ERR_REMOTE_CLOSED', `The connection has ended: ${reason}`, {mayHaveRun: true}));
    this.imports.clear();
    this.exports.clear();
    this.inbox.clear();
  }

  expose(value: unknown): void {
    this.inbox.setRoot(value);
  }

  // ---- operations of this side

  operate(node: StubNode, kind: Kind, key: string | undefined, values: readonly unknown[], wants: Wants): CallRecord {
    const {target} = node;
    const path = key === undefined ? node.path : [...node.path, key];
    const what = describe({...node, path});
    if (target instanceof CallRecord && !target.outcome && !target.item) return this.operateLater(target, node, kind, key, values, what);
    if (this.closedBy) return this.calls.settled({ok: false, error: this.closedBy}, what);
    if (target instanceof CallRecord && target.outcome) return operateOnResult(this.calls, target.outcome, path, kind, values, what, wants);
    if (target !== 0 && target.isReleased) return this.calls.settled({ok: false, error: released(what)}, what);
    const on = target === 0 ? 0 : target instanceof CallRecord ? target.id : -target.id;
    return this.send(on, path, kind, values, wants, what);
  }

  send(on: number, path: readonly string[], kind: Kind, values: readonly unknown[], wants: Wants, what = KIND_NAMES[kind]!): CallRecord {
    const item = outgoing([OPERATE, 0, on, path, kind, undefined, wants]);
    try {
      this.encodeInto(item, 5, values.length ? values : undefined);
    } catch (error) {
      return this.calls.settled({ok: false, error}, what);
    }
    const id = item.message[1] = this.nextId();
    // The frame is posted before the app can read `then`, so the result is requested.
    if (item.isUrgent && wants !== NEVER) item.message[6] = WANTED;
    const call = this.calls.record(id, what, item);
    if (wants !== NEVER) this.results.register(call, call.trace);
    this.put(item);
    return call;
  }

  nextId(): number {
    return ++this.lastId;
  }

  put(item: Outgoing): void {
    this.outbox.put(item);
  }

  schedule(mustPost?: boolean): void {
    this.outbox.schedule(mustPost);
  }

  /** Performs an operation on a result that only this side will have, when it has arrived. */
  private operateLater(target: CallRecord, node: StubNode, kind: Kind, key: string | undefined, values: readonly unknown[], what: string): CallRecord {
    const run = (): unknown => this.operate(node, kind, key, values, WANTED).promise();
    return new CallRecord(0, what, undefined, this.calls).follow(target.promise().then(run, run));
  }

  /** Posts what was recorded so far, without waiting for the end of the turn. */
  flushNow(): void {
    this.outbox.flush();
  }

  /** The number of the other side's operations that are running. */
  get answering(): number {
    return this.inbox.pending;
  }

  /** Answers new operations of the other side on the exposed value with this error. */
  refuse(error: Error): void {
    this.inbox.refusal = error;
  }

  iterate(call: CallRecord): AsyncIterableIterator<unknown> {
    return iterateResult(call);
  }

  release(target: Reference | CallRecord): void {
    if (!(target instanceof CallRecord)) return this.imports.release(target);
    if (target.wasReleased) return;
    target.wasReleased = true;
    if (target.outcome?.ok) releaseResult(target.outcome.value);
    else if (target.outcome || !target.item) return;
    else if (target.wants === WANTED) target.promise().then(releaseResult, () => {});
    else {
      target.trace.isOver = true;
      this.imports.releaseResult(target.id);
    }
  }

  async flush(): Promise<void> {
    if (this.closedBy) throw this.closedBy;
    const flush = this.calls.beginFlush();
    try {
      await this.send(0, [], FLUSH, [], WANTED).promise();
    } finally {
      this.calls.endFlush(flush);
    }
    if (flush.failed) throw flush.failed.error;
  }

  readonly evaluate: Evaluate = ((...args: unknown[]) => evaluateOn(this, args)) as Evaluate;

  // ---- operations that the other side has requested

  returnValue(id: number, value: unknown, materializes?: boolean): void {
    const item = outgoing([RETURN, id, undefined]);
    item.failed = error => this.throwError(id, unsendable('The result', error), id, false);
    try {
      this.encodeInto(item, 2, value, materializes);
    } catch (error) {
      return this.throwError(id, error, id, false);
    }
    this.put(item);
  }

  throwError(id: number, error: unknown, origin: number, isUnrequested: boolean): void {
    const message: unknown[] = [THROW, id, encodeError(error, this.options.stacks), origin];
    if (isUnrequested) message.push(1);
    this.put(outgoing(message));
  }

  receiveReference(wire: WireReference): unknown {
    return this.imports.receive(wire, reference => createStub(this, reference));
  }

  /** Reports an error that has no other place to go, for example a wrong part of a frame. */
  reportError(error: unknown, what: string): void {
    try {
      this.options.onError(error instanceof Error ? error : Object.assign(new Error(String(error)), {thrown: error}), what);
    } catch {
      // A throwing listener must not end the connection.
    }
  }

  inspect(): {references: number; stubs: number; pending: number; streams: number; names: string[]} {
    return {references: this.exports.size, stubs: this.imports.size, pending: this.calls.size, streams: this.flows.size, names: this.exports.names};
  }

  addReference(object: object, name: string, item: Outgoing): number {
    const {references} = this.options.limits;
    if (this.exports.size >= references) throw tooMany('references are held for the other side', references);
    const id = this.exports.add(object, name);
    item.counted.push(id);
    return id;
  }

  /** Encodes a value into a message. What it counts is taken back if it can't be encoded. */
  private encodeInto(item: Outgoing, at: number, value: unknown, materializes?: boolean): void {
    try {
      item.message[at] = encode(value, this, item, materializes);
    } catch (error) {
      this.uncount(item);
      throw error;
    }
  }

  fail(item: Outgoing, error: unknown): void {
    this.uncount(item);
    item.failed?.(error);
  }

  uncount({counted}: Outgoing): void {
    for (const id of counted.splice(0)) {
      this.exports.release(id, 1);
      this.flows.drop(id);
    }
  }

  onReleased(object: object): void {
    const mark = markOf(object);
    if (mark?.as !== 'reference' || !mark.onRelease) return;
    try {
      mark.onRelease();
    } catch (error) {
      this.reportError(error, 'onRelease');
    }
  }

  sendFlow(id: number, what: number, value: unknown, moves: boolean): void {
    if (this.closedBy) return;
    const item = outgoing([FLOW, id, what, undefined]);
    if (moves && !this.transport.cannotTransfer && ownsBuffer(value)) {
      item.transfer.push(value.buffer as ArrayBuffer);
      item.message[3] = [value];
    } else this.encodeInto(item, 3, value);
    item.failed = error => {
      const failure = unsendable('An item', error);
      this.put(outgoing([FLOW, id, FAIL, encode(failure, this, item)]));
      this.flows.drop(id, failure);
    };
    this.put(item);
  }

  takeReceipts(): Outgoing[] {
    const items: Outgoing[] = [];
    const seen = this.calls.takeSeen();
    if (seen.length) items.push(outgoing([SEEN, seen]));
    const released = this.imports.takeReleased();
    if (released.length) items.push(outgoing([RELEASE, released]));
    return items;
  }
}

const ownsBuffer = (value: unknown): value is ArrayBufferView =>
  ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength && value.byteLength > 0;

