import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {RemoteOptions} from '../remote/types.js';

/**
 * A client of the host, in the host's thread: documents, queries and presence as in a tab. Each service has one of its own,
 * and only the host closes it.
 */
export type ServiceConnection = ProxyConnection;

/** A tab, as services see it. The id says which connection calls, not who the user is. */
export interface ServiceTab {
  readonly id: string;
  /** Aborted when the tab is gone for good. A tab that is only suspended, or has lost its session, keeps it. */
  readonly signal: AbortSignal;
}

/** What a service has of its host. */
export interface ServiceHost {
  readonly namespace: string;
  readonly connection: ServiceConnection;
  /** Aborted when the host closes, or is replaced. */
  readonly signal: AbortSignal;
  /** The tabs that have a session with the host at present. */
  readonly tabs: readonly ServiceTab[];
  /**
   * Resolves when the server has answered to all that this service has submitted by now. With `queries`, when the shared
   * queries on those collections tell of it, too, or after 2 s.
   */
  settled(options?: {queries?: boolean}): Promise<void>;
}

declare const PER_TAB: unique symbol;

/** A service that is an object of its own for each tab: see {@link perTab}. */
export interface PerTab<T extends object = object> {
  readonly [PER_TAB]: T;
}

/** Services by their names: each is made when it is called for the first time. */
export type Services = Record<string, (host: ServiceHost) => object | PerTab | Promise<object | PerTab>>;

/** How the services of a host are exposed: as for `expose`. The `handlers` are the same in the tabs. */
export type ServiceOptions = Pick<RemoteOptions, 'handlers' | 'allow' | 'allowEvaluate' | 'autoTransfer' | 'limits' | 'stacks' | 'timeout' | 'onError'>;
