import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {RemoteOptions} from '../remote/types.js';

/**
 * A client in the host's thread, with documents, queries and presence as in a tab. Each service has its own, and only the host
 * closes it.
 */
export type ServiceConnection = ProxyConnection;

/** A tab, as services see it. The id identifies a connection, not a user. */
export interface ServiceTab {
  /** The tab's id, which is the `src` of its ops. */
  readonly id: string;
  /** Aborted when the tab is gone for good, or the service ends. Not aborted when the tab is only suspended, or has lost its session. */
  readonly signal: AbortSignal;
}

/** The host, as a service sees it. */
export interface ServiceHost {
  /** The namespace that the host serves. */
  readonly namespace: string;
  /** The connection of this service, in the host's thread. */
  readonly connection: ServiceConnection;
  /** Aborted when the host closes or is replaced, or the service ends. */
  readonly signal: AbortSignal;
  /** The tabs that currently have a session with the host. */
  readonly tabs: readonly ServiceTab[];
  /**
   * Resolves when the server has answered all ops that this service has submitted so far. With `queries`, also waits until the
   * shared queries on those collections reflect them, for at most 2 s.
   * @throws ERR_TABS_SESSION_ENDED if the host closes first
   */
  settled(options?: {queries?: boolean}): Promise<void>;
}

declare const PER_TAB: unique symbol;

/** A service with one object for each tab: see {@link perTab}. */
export interface PerTab<T extends object = object> {
  /** Only for the type checker. */
  readonly [PER_TAB]: T;
}

/** Services by name. Each function runs when its service is called for the first time. */
export type Services = Record<string, (host: ServiceHost) => object | PerTab | Promise<object | PerTab>>;

/** How the services of a host are exposed: the options of `expose`. The tabs must use the same `handlers`. */
export type ServiceOptions = Pick<RemoteOptions, 'handlers' | 'allow' | 'allowEvaluate' | 'autoTransfer' | 'limits' | 'stacks' | 'timeout' | 'onError'>;
