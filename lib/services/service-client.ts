import {CallRecord} from '../remote/calls.js';
import {Peer, type EndCode} from '../remote/connection.js';
import {iterateResult} from '../remote/results.js';
import {RemoteError} from '../remote/errors.js';
import type {Reference} from '../remote/references.js';
import {checkOptions, resolveOptions, FUNCTION, CHECKS, type ResolvedOptions} from '../remote/options.js';
import {createStub, describe, type StubNode, type StubPeer} from '../remote/stubs.js';
import type {Connection, Handler, Remote} from '../remote/types.js';
import {CALL, type Kind, type Wants} from '../remote/wire.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {isWaiting} from './is-waiting.js';
import {ServiceLink, type ChannelEnd, type LinkUser} from './service-link.js';

/** The options of a call to a service. */
export interface ServiceCallOptions<T> {
  /** Methods that may be called again at another host if it is unknown whether the first call ran. */
  idempotent?: readonly (keyof T & string)[];
  /** A call without an answer after this many ms is rejected with ERR_REMOTE_TIMEOUT. Default: never. */
  timeout?: number;
  /**
   * Called when a session with a host begins, also after a lost session, before waiting calls are sent. Pass your callbacks to the service
   * here.
   */
  onHost?: (service: Remote<T>) => unknown;
  /** Custom types, including signals. They must equal the host's `serviceOptions.handlers`. */
  handlers?: readonly Handler[];
  /** Receives errors that nobody awaits. Default: `console.warn`. */
  onError?: (error: Error, what: string) => void;
}

/** After this many hosts, an idempotent call is given up: it may crash each host that runs it. */
const MAX_HOSTS = 8;

const CODES: Record<ChannelEnd, EndCode> = {
  'no service': 'ERR_REMOTE_NO_SERVICE', closed: 'ERR_REMOTE_CLOSED', lost: 'ERR_REMOTE_CLOSED', refused: 'ERR_REMOTE_PROTOCOL'
};

/**
 * Returns a stub of a service of the host. It can be used at once, and stays valid when the host changes. Calls made without a
 * host wait for one.
 * @throws ERR_REMOTE_BAD_OPTION if `name` is empty, an option is wrong, or the connection does not come from `createConnection`
 */
export function service<T>(connection: ProxyConnection, name: string, options: ServiceCallOptions<T> = {}): Remote<T> {
  if (typeof name !== 'string' || !name) throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'service(connection, name) takes the name of a service');
  if (typeof connection?.proxyDocs !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'service(connection, name) takes a connection from createConnection()');
  const {timeout, handlers, onError} = CHECKS;
  checkOptions<ServiceCallOptions<T>>('service', options, {idempotent: ['an array of method names', Array.isArray], timeout, onHost: FUNCTION, handlers, onError});
  return new ServiceClient(ServiceLink.of(connection), name, options as ServiceCallOptions<unknown>).root as unknown as Remote<T>;
}

/** Represents a service across hosts. Each session has a remote connection of its own. */
class ServiceClient implements StubPeer, LinkUser {
  readonly root = createStub(this, 0);
  private readonly idempotent: ReadonlySet<string>;
  private readonly remoteOptions: ResolvedOptions;
  private current: Peer | undefined;

  constructor(private readonly link: ServiceLink, readonly name: string, private readonly options: ServiceCallOptions<unknown>) {
    const {idempotent, onHost: _onHost, ...remoteOptions} = options;
    this.remoteOptions = resolveOptions(remoteOptions);
    this.idempotent = new Set(idempotent as readonly string[] | undefined);
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

  /** Copies the arguments now: the call may be repeated much later. */
  private callAgain(node: StubNode, key: string | undefined, values: readonly unknown[]): CallRecord {
    const kept = copyOf(values);
    const peer = this.actual;
    const outer = new CallRecord(0, describe(key === undefined ? node : {...node, path: [...node.path, key]}), undefined, peer.calls);
    outer.owner = peer;
    void this.callUntilKnown(node, key, kept).then(value => outer.settle({ok: true, value}), (error: unknown) => {
      outer.settle({ok: false, error});
      if (!outer.isAwaited) peer.reportError(error, outer.what);
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
        if (!(error instanceof RemoteError)) throw error;
        const {code, message} = error;
        const didNotRun = error.mayHaveRun === false;
        const isLost = code === 'ERR_REMOTE_CLOSED' && (peer.state === 'closed' || didNotRun);
        mayHaveRun ||= isLost && !didNotRun;
        // An earlier host may have run the call.
        if (isLost ? this.link.isClosed || hosts === MAX_HOSTS : didNotRun && mayHaveRun) throw new RemoteError(code, message, {mayHaveRun});
        if (!isLost) throw error;
        // The host has answered that it takes no more calls. Its session is about to end.
        if (peer.state !== 'closed') await peer.closed;
      }
    }
  }

  /** Calls `onHost` at the beginning of a session, before anything else is sent. */
  private greet(): void {
    const {onHost} = this.options;
    if (!onHost || !this.link.isOpen) return;
    const peer = this.open();
    try {
      void Promise.resolve(onHost(peer.root as unknown as Remote<unknown>)).catch((error: unknown) => peer.reportError(error, `onHost of the service ${this.name}`));
    } catch (error) {
      peer.reportError(error, `onHost of the service ${this.name}`);
    }
    // The calls of `onHost` are posted before all others.
    peer.flushNow();
  }

  private open(): Peer {
    const {link, name} = this;
    const transport = link.open(name);
    const peer = new Peer(transport, this.remoteOptions, link.clock);
    transport.onend = (how, reason) => {
      const exists = how !== 'no service';
      // A service that this host does not have has run nothing.
      peer.end(exists ? reason : `there is no service ${name}: ${reason}`, false, exists, CODES[how]);
    };
    transport.isWaiting = () => isWaiting(peer);
    if (link.isClosed) transport.onend('lost', 'the connection was closed');
    else if (link.isOpen) peer.open();
    return peer;
  }
}

/** A copy if the values can be cloned. Functions and similar values are sent by reference anyway. */
function copyOf(values: readonly unknown[]): readonly unknown[] {
  try {
    return structuredClone(values);
  } catch {
    return values;
  }
}
