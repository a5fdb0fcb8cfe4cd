import type {Host} from '../host/host.js';
import {TabsError} from '../protocol/errors.js';
import type {ServiceFrame} from '../protocol/frames.js';
import {Peer} from '../remote/connection.js';
import {RemoteError} from '../remote/errors.js';
import {resolveOptions, type ResolvedOptions} from '../remote/options.js';
import type {FrameTransport} from '../remote/types.js';
import {FrameSender} from '../tab/frame-sender.js';
import type {ServiceFrames} from '../tab/service-frames.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {isWaiting} from './is-waiting.js';
import {makerOf} from './per-tab.js';
import {HostedConnection} from './service-connection.js';
import type {ServiceHost, ServiceOptions, ServiceTab, Services} from './service-types.js';
import {warning} from '../protocol/warnings.js';

/** A tab that calls the service, or may call it. */
interface Caller {
  readonly tab: ServiceTab;
  readonly gone: AbortController;
  isHere: boolean;
  canTransfer: boolean;
  readonly channels: Map<number, {peer: Peer; transport: FrameTransport}>;
  /** Ends the tab's session if it does not answer while the service waits for it. */
  watch: ReturnType<Host['watchSilentTab']> | undefined;
  /** The tab's object, for a service with one object per tab. */
  own: {service: object} | undefined;
}

/** One service of a host: the app's object, its ShareDB connection, and a remote connection for each tab that uses it. */
export class RunningService implements ServiceFrames<ProxyDoc> {
  private readonly connection: HostedConnection;
  private readonly options: ResolvedOptions;
  private readonly sender: FrameSender;
  private readonly ending = new AbortController();
  private readonly callers = new Map<string, Caller>();
  private readonly made: Promise<object>;
  /** Set when the object has been created. */
  private instance: object | undefined;
  private readonly submittedTo = new Set<string>();
  private refusal: RemoteError | undefined;
  private isClosed = false;

  constructor(
    private readonly host: Host, readonly name: string, make: Services[string], options: ServiceOptions, private readonly onEnd: () => void
  ) {
    this.options = resolveOptions({
      onError: (error, what) => host.warn(warning('WARN_TABS_SERVICE', `nobody awaits the error of ${what} in the service ${name}`), error), ...options
    });
    this.connection = new HostedConnection(host, name, host.clock);
    this.connection.frames = this;
    this.sender = new FrameSender(this.connection);
    this.made = Promise.resolve().then(() => make(this.serviceHost()));
    this.made.then(instance => { this.instance = instance; }, () => this.fail());
  }

  /** Whether a call is running, or an answer is not posted yet. */
  get isBusy(): boolean {
    return !this.sender.isEmpty || this.peers().some(peer => peer.answering > 0);
  }

  refuseCalls(): void {
    this.refusal = new RemoteError('ERR_REMOTE_CLOSED', `The host is being replaced: ${this.name} was not called. Call again`, {mayHaveRun: false});
    for (const peer of this.peers()) peer.refuse(this.refusal);
    this.ending.abort();
  }

  close(reason = 'the service has ended'): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ending.abort();
    for (const caller of [...this.callers.values()]) this.lose(caller, reason, true);
    this.connection.close();
    this.onEnd();
  }

  // ---- events of the ShareDB connection

  begin(): void {
    // Nothing to do: frames arrive only from callers.
  }

  /** The host has ended the session: it has closed, or this service was blocked for so long that it is too far behind. */
  end(): void {
    this.close();
  }

  noteUnsent(doc: ProxyDoc): void {
    this.submittedTo.add(doc.collection);
    this.sender.noteUnsent(doc);
  }

  receive(message: object): void {
    // The sender is the host in this thread, so the form needs no check.
    const {peer: id, channel, frame, event, canTransfer} = (message as {frame: ServiceFrame}).frame;
    const caller = this.callerOf(id);
    caller.watch?.noteMessage();
    switch (event) {
      case 'here':
        Object.assign(caller, {isHere: true, canTransfer: canTransfer === true});
        return;
      case 'lost':
      case 'gone':
        return this.lose(caller, event === 'gone' ? 'the tab is gone' : 'the tab has lost its session', event === 'gone');
      case 'closed':
        return void this.endChannel(caller, channel, 'the tab has ended the connection');
      default:
        if (!this.isClosed) this.channelOf(caller, channel).transport.onframe?.(frame);
    }
  }

  // ---- tabs

  private callerOf(id: string): Caller {
    let caller = this.callers.get(id);
    if (!caller) {
      const gone = new AbortController();
      caller = {tab: {id, signal: gone.signal}, gone, isHere: false, canTransfer: false, channels: new Map(), watch: undefined, own: undefined};
      this.callers.set(id, caller);
    }
    return caller;
  }

  private channelOf(caller: Caller, channel: number): {peer: Peer; transport: FrameTransport} {
    const known = caller.channels.get(channel);
    if (known) return known;
    const {tab: {id}, channels} = caller;
    const transport: FrameTransport = {
      onframe: null, onclose: null,
      cannotTransfer: caller.canTransfer ? undefined : 'the tab is reached over a BroadcastChannel, which can\'t transfer objects',
      post: (frame, transfer, delivery) => {
        (caller.watch ??= this.host.watchSilentTab(id, () => [...channels.values()].some(({peer}) => isWaiting(peer)))).expect();
        return this.sender.send({peer: id, channel, frame}, transfer, delivery) ? 'later' : undefined;
      },
      close: () => channels.delete(channel)
    };
    const peer = new Peer(transport, this.options, this.host.clock);
    const made = {peer, transport};
    channels.set(channel, made);
    if (this.refusal) peer.refuse(this.refusal);
    peer.expose(this.instance ? this.serviceFor(caller, this.instance) : this.made.then(instance => this.serviceFor(caller, instance)));
    return made;
  }

  private serviceFor(caller: Caller, instance: object): object {
    const make = makerOf(instance);
    if (!make) return instance;
    return (caller.own ??= {service: make(caller.tab)}).service;
  }

  private lose(caller: Caller, reason: string, isGone: boolean): void {
    caller.isHere = false;
    caller.watch?.end();
    caller.watch = undefined;
    for (const channel of [...caller.channels.keys()]) this.endChannel(caller, channel, reason);
    if (!isGone) return;
    this.callers.delete(caller.tab.id);
    caller.gone.abort();
    try {
      (caller.own?.service as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
    } catch (error) {
      this.host.warn(warning('WARN_TABS_SERVICE', `Symbol.dispose of the service ${this.name} failed`), error);
    }
  }

  private endChannel({channels}: Caller, channel: number, reason: string): void {
    channels.get(channel)?.transport.onclose?.(reason);
  }

  private peers(): Peer[] {
    return [...this.callers.values()].flatMap(({channels}) => Array.from(channels.values(), ({peer}) => peer));
  }

  // ---- the service itself

  /** The service's object can't be created. Callers get the error, and the next call tries again. */
  private fail(): void {
    this.host.clock.after(0, () => this.close('the service could not be created'));
  }

  private serviceHost(): ServiceHost {
    const {connection, ending, callers, host: {namespace}} = this;
    return {
      namespace, connection, signal: ending.signal,
      get tabs() { return [...callers.values()].filter(({isHere}) => isHere).map(({tab}) => tab); },
      settled: ({queries = false} = {}) => this.settled(queries)
    };
  }

  private async settled(queries: boolean): Promise<void> {
    const collections = [...this.submittedTo];
    await Promise.all(this.connection.proxyDocs().map(doc => {
      const ops = new Set(doc.unanswered);
      return ops.size ? new Promise<void>(resolve => doc.when(() => this.isClosed || !doc.unanswered.some(op => ops.has(op)), resolve)) : undefined;
    }));
    if (this.isClosed) throw new TabsError('ERR_TABS_SESSION_ENDED', `The host closed before the server answered the ops of the service ${this.name}. The next host sends the remaining ops`);
    if (queries) await this.connection.settleQueries(collections);
  }
}
