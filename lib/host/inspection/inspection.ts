import type {Clock} from '../../platform/platform.js';
import {TabsError} from '../../protocol/errors.js';
import type {FaultState} from '../../protocol/faults.js';
import type {FeedEntry} from '../../protocol/feed.js';
import type {Place} from '../../protocol/frames.js';
import type {HostReport, InspectOptions} from '../../protocol/report.js';
import {PROTOCOL_VERSION} from '../../protocol/version.js';
import type {SharedDocs} from '../doc/shared-docs.js';
import type {HostLog} from '../host-log.js';
import type {SharedPresences} from '../presence/shared-presences.js';
import type {SharedQueries} from '../queries/shared-queries.js';
import type {FaultAccess} from '../server/connect-gate.js';
import type {FaultInjection} from '../server/fault-injection.js';
import type {StatusBoard} from '../status-board.js';
import type {Tabs} from '../tabs.js';
import type {RealConnection} from '../upstream.js';
import type {MessageFeed} from './message-feed.js';
import {docDataOf} from './doc-data.js';
import {socketOf} from './socket-state.js';
import {TabReports} from './tab-reports.js';

/** The largest number of documents, of queries and of channels in a report. */
const MAX_REPORTED = 100;

export interface InspectionOwner {
  readonly clock: Clock;
  readonly namespace: string;
  readonly epoch: string;
  readonly generation: number;
  readonly place: Place;
  readonly build: string;
  readonly connection: RealConnection;
  readonly board: StatusBoard;
  readonly docs: SharedDocs;
  readonly queries: SharedQueries;
  readonly presences: SharedPresences;
  readonly tabs: Tabs;
  readonly log: HostLog;
  /** Set only if the inspector may cause faults. */
  readonly faults: FaultAccess | undefined;
  lineage(): string;
  abandon(): void;
}

/** Makes reports about a host for inspectors, tests and bug reports, and causes the faults that an inspector requests. */
export class Inspection {
  private readonly startedAt: number;
  private readonly tabReports: TabReports;
  /** Set only while an inspector reads it. */
  private feed: MessageFeed | undefined;
  /** The number of messages that feeds have recorded. */
  private messages = 0;
  private faultInjection: FaultInjection | undefined;

  constructor(private readonly owner: InspectionOwner) {
    this.startedAt = owner.clock.now();
    this.tabReports = new TabReports(owner.clock);
  }

  /** Returns a report of the host's state, documents, queries and tabs. */
  inspect(options: InspectOptions = {}): HostReport {
    const {namespace, epoch, generation, place, build, clock, connection, board, queries, presences, tabs, log, faults} = this.owner;
    const docs = this.owner.docs.all();
    const channels = presences.inspect();
    const {data = false} = options;
    return {
      namespace, epoch, generation, lineage: this.owner.lineage(), place, build,
      protocol: PROTOCOL_VERSION, state: connection.state, ...board.status(),
      uptime: clock.now() - this.startedAt, ...socketOf(connection),
      docs: docs.length, queries: queries.size, presences: presences.size, channels: channels.length,
      tabList: tabs.allPages().map(tab => tab.inspect()),
      docList: docs.map(doc => doc.inspect()).sort((a, b) => b.pendingOps - a.pendingOps).slice(0, MAX_REPORTED),
      queryList: queries.inspect(data).slice(0, MAX_REPORTED), presenceList: channels.slice(0, MAX_REPORTED),
      ...docDataOf(this.owner.docs, options),
      lastErrors: [...log.lastErrors],
      faults: faults ? this.faultInjection?.state ?? {network: 'untouched', delay: 0} : false
    };
  }

  /** As `inspect`, with the tabs' own reports if `options.tabs` is true. */
  async report(options: InspectOptions): Promise<HostReport> {
    const answers = options.tabs ? await this.tabReports.ask(this.owner.tabs.allPages()) : undefined;
    const report = this.inspect(options);
    return answers ? {...report, tabList: report.tabList.map(entry => ({...entry, ...answers.get(entry.id)}))} : report;
  }

  /** Returns the messages since the last request. The first request loads the feed's code. */
  async observe(request: unknown): Promise<FeedEntry[]> {
    if (!this.feed) {
      const {MessageFeed} = await import('./message-feed.js');
      this.feed ??= new MessageFeed(this.owner.clock, () => ++this.messages, () => { this.feed = undefined; });
    }
    return this.feed.read(request);
  }

  /** Records a message for the inspector, if one reads the feed. */
  note(direction: FeedEntry['direction'], message: object, tabId?: string): void {
    this.feed?.note(direction, message, tabId);
  }

  /** Causes a fault. Rejects with ERR_TABS_FAULT_REFUSED unless the host allows faults, which is meant for development only. */
  async injectFault(request: unknown): Promise<FaultState> {
    const {clock, connection, place, faults: access} = this.owner;
    if (!access) {
      throw new TabsError('ERR_TABS_FAULT_REFUSED', 'Nothing was done: this host does not allow faults. In a development build, call startHost({allowFaults: true}) ' +
        'in the worker, or createConnection({allowFaults: true}) in the page that is the host');
    }
    const {FaultInjection} = await import('../server/fault-injection.js');
    this.faultInjection ??= new FaultInjection({connection, access, place, clock, abandon: () => this.owner.abandon()});
    return this.faultInjection.inject(request);
  }

  /** Ends the faults, because the host has closed. */
  end(): void {
    this.faultInjection?.end();
  }
}
