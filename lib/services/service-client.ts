import {CallRecord} from '../remote/calls.js';
import {Peer, iterateResult, type EndCode} from '../remote/connection.js';
import {RemoteError} from '../remote/errors.js';
import type {Reference} from '../remote/references.js';
import {resolveOptions} from '../remote/options.js';
import {createStub, describe, type StubNode, type StubPeer} from '../remote/stubs.js';
import type {Connection, Handler, Remote, RemoteOptions} from '../remote/types.js';
import {CALL, type Kind, type Wants} from '../remote/wire.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {ServiceLink, type ChannelEnd, type LinkUser} from './service-link.js';

/** The options of a call to a service. */
export interface ServiceCallOptions<T> {
  /** Methods that may be called again with another host, where it is not known whether they were. */
  idempotent?: readonly (keyof T & string)[];
  /** A call without an answer after so many ms is rejected with ERR_REMOTE_TIMEOUT. Default: never. */
  timeout?: number;
  /** Called with each host, and after each lost session, before calls that wait for it: give the service your callbacks again. */
  onHost?: (service: Remote<T>) => unknown;
  /** Types of your own, signals among them: the same as in the host's `serviceOptions`. */
  handlers?: readonly Handler[];
  /** Hears of errors that nobody awaits. Default: `console.warn`. */
  onError?: (error: Error, what: string) => void;
}

/** A call that brings down each host that makes it is given up. */
const MAX_HOSTS = 8;

const CODES: Record<ChannelEnd, EndCode> = {
  'no service': 'ERR_REMOTE_NO_SERVICE', closed: 'ERR_REMOTE_CLOSED', lost: 'ERR_REMOTE_CLOSED', refused: 'ERR_REMOTE_PROTOCOL'
};

/**
 * A service of the host, in this tab: at once, with any host, and with the next one. What is called while there is no host
 * waits for one.
 */
export function service<T>(connection: ProxyConnection, name: string, options: ServiceCallOptions<T> = {}): Remote<T> {
  if (typeof name !== 'string' || !name) throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'service(connection, name) takes the name of a service');
  if (typeof connection?.proxyDocs !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'service(connection, name) takes a connection of createConnection()');
  return new ServiceClient(ServiceLink.of(connection), name, options as ServiceCallOptions<unknown>).root as unknown as Remote<T>;
}

/** Stands for a service over the lives of hosts: for each session there is a connection of its own. */
class ServiceClient implements StubPeer, LinkUser {
  readonly root = createStub(this, 0);
  private readonly idempotent: ReadonlySet<string>;
  private current: Peer | undefined;

  constructor(private readonly link: ServiceLink, readonly name: string, private readonly options: ServiceCallOptions<unknown>) {
    this.idempotent = new Set(options.idempotent as readonly string[] | undefined);
    resolveOptions(this.remoteOptions);
    link.use(this);
    this.greet();
  }

  get connection(): Connection {
    return this.actual;
  }

  get actual(): Peer {
    if (this.current?.state !== 'closed' && this.current) return this.current;
    return this.current = this.open();
  }

  /** A session has begun. */
  begin(): void {
    this.greet();
    const {current} = this;
    if (!current || current.state === 'closed') return;
    (current.transport as ReturnType<ServiceLink['open']>).begin();
    current.open();
  }

  operate(node: StubNode, kind: Kind, key: string | undefined, values: readonly unknown[], wants: Wants): CallRecord {
    const path = key === undefined ? node.path : [...node.path, key];
    if (kind === CALL && path.length === 1 && this.idempotent.has(path[0]!)) return this.callAgain(node, key, values);
    return this.operateNow(node, kind, key, values, wants);
  }

  send(...args: Parameters<Peer['send']>): CallRecord {
    return this.actual.send(...args);
  }

  release(target: Reference | CallRecord): void {
    this.actual.release(target);
  }

  iterate(call: CallRecord): AsyncIterableIterator<unknown> {
    return iterateResult(call);
  }

  private operateNow(node: StubNode, kind: Kind, key: string | undefined, values: readonly unknown[], wants: Wants): CallRecord {
    const peer = this.actual;
    const call = peer.operate({...node, peer}, kind, key, values, wants);
    call.owner = peer;
    return call;
  }

  /** The arguments are kept as they are now: the call may be made again much later. */
  private callAgain(node: StubNode, key: string | undefined, values: readonly unknown[]): CallRecord {
    const kept = copyOf(values);
    const peer = this.actual;
    const outer = new CallRecord(0, describe(key === undefined ? node : {...node, path: [...node.path, key]}), undefined, peer.calls);
    outer.owner = peer;
    void this.callUntilKnown(node, key, kept).then(value => outer.settle({ok: true, value}), (error: unknown) => {
      outer.settle({ok: false, error});
      if (!outer.isAwaited) peer.tellError(error, outer.what);
    });
    return outer;
  }

  private async callUntilKnown(node: StubNode, key: string | undefined, values: readonly unknown[]): Promise<unknown> {
    let mayHaveRun = false;
    for (let hosts = 1; ; hosts++) {
      const peer = this.actual;
      try {
        return await this.operateNow(node, CALL, key, values, 1).promise();
      } catch (error) {
        const isLost = error instanceof RemoteError && error.code === 'ERR_REMOTE_CLOSED' && (peer.state === 'closed' || error.mayHaveRun === false);
        mayHaveRun ||= isLost && error.mayHaveRun !== false;
        if (!isLost) throw error;
        // An earlier host may have made the call.
        if (this.link.isClosed || hosts === MAX_HOSTS) throw new RemoteError(error.code, error.message, {mayHaveRun});
        // The host has answered that it makes no more calls: its session is about to end.
        if (peer.state !== 'closed') await peer.closed;
      }
    }
  }

  /** The app may say something to each host before anything else is said. */
  private greet(): void {
    const {onHost} = this.options;
    if (!onHost || !this.link.isOpen) return;
    const peer = this.open();
    try {
      void Promise.resolve(onHost(peer.root as unknown as Remote<unknown>)).catch((error: unknown) => peer.tellError(error, `onHost of the service ${this.name}`));
    } catch (error) {
      peer.tellError(error, `onHost of the service ${this.name}`);
    }
    // Its calls come before all others.
    peer.flushNow();
  }

  private get remoteOptions(): RemoteOptions {
    const {timeout, handlers, onError} = this.options;
    return {...(timeout !== undefined && {timeout}), ...(handlers && {handlers}), ...(onError && {onError})};
  }

  private open(): Peer {
    const {link, name} = this;
    const transport = link.open(name);
    const peer = new Peer(transport, this.remoteOptions, link.clock);
    transport.onend = (how, reason) => peer.end(how === 'no service' ? `there is no service ${name}: ${reason}` : reason, false, true, CODES[how]);
    if (link.isClosed) transport.onend('lost', 'the connection was closed');
    else if (link.isOpen) peer.open();
    return peer;
  }
}

/** A copy where there can be one; functions and the like are sent by reference anyway. */
function copyOf(values: readonly unknown[]): readonly unknown[] {
  try {
    return structuredClone(values);
  } catch {
    return values;
  }
}
