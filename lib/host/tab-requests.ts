import type {Message} from '../broker/session.js';
import {brief} from '../protocol/debug.js';
import {TabsError, encodeError} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import type {Epoch} from '../protocol/ids.js';
import type {OrphanedOpsMessage, OpRequest, Position, ResumeMessage} from '../protocol/messages.js';
import {checkRequest, isRequest} from '../protocol/tab-message-guards.js';
import {warning} from '../protocol/warnings.js';
import type {Bulk} from './doc/bulk.js';
import type {HostLog} from './host-log.js';
import type {SharedDoc} from './doc/shared-doc.js';
import type {SharedDocs} from './doc/shared-docs.js';
import {readOnly} from './inspection/observers.js';
import type {PresenceRequest} from './presence/presence-channel.js';
import type {SharedPresences} from './presence/shared-presences.js';
import type {QueryRequest} from './queries/query-results.js';
import type {SharedQueries} from './queries/shared-queries.js';
import type {Tab} from './tab.js';
import type {RealConnection} from './upstream.js';

export interface TabRequestsOwner {
  readonly epoch: Epoch;
  readonly connection: RealConnection;
  readonly docs: SharedDocs;
  readonly queries: SharedQueries;
  readonly presences: SharedPresences;
  readonly bulk: Bulk;
  readonly log: HostLog;
  /** The tab has become visible or hidden. */
  onVisible(tab: Tab, isVisible: boolean): void;
  /** The tab has sent an app message for the server. */
  onAppMessage(tab: Tab, message: unknown): void;
  /** The tab's page is being hidden or unloaded, and has sent its unconfirmed ops. */
  onOrphanedOps(ops: OrphanedOpsMessage): void;
}

const LOCAL_ONLY = 'Documents of a collection that begins with "local:" have no queries, no presence and no old versions: ' +
  'only a server could answer, and it is not told of them. Subscribe to each document by its id.';
const SERVER_REQUESTS = ['qf', 'qs', 'nf', 'nt', 'p', 'ps', 'pu', 'pr'];

/** Whether the message is a request about local documents that only a server could answer. */
const asksServer = ({a, c, ch}: Message): boolean => SERVER_REQUESTS.includes(a) && (isLocal(c) || isLocal(ch));

/** Handles the messages of tabs: those of ShareDB's protocol and of this library. An invalid request is answered with an error. */
export class TabRequests {
  private readonly pings: (() => void)[] = [];

  constructor(private readonly owner: TabRequestsOwner) {}

  receive(tab: Tab, message: Message): void {
    const {log} = this.owner;
    log.debug('message', () => `from tab ${tab.id}: ${brief(message)}`);
    if (tab.isObserver) return isRequest(message.a) ? this.reply(tab, message, readOnly(`The request ${message.a}`)) : undefined;
    const problem = checkRequest(message);
    if (problem) return this.refuse(tab, message, problem);
    if (asksServer(message)) return this.reply(tab, message, new TabsError('ERR_TABS_LOCAL', LOCAL_ONLY));
    try {
      this.handle(tab, message);
    } catch (error) {
      // An error while one message is handled must not stop the host, and the tab must get an answer.
      log.warn(warning('WARN_TABS_REQUEST_FAILED', `a message of tab ${tab.id} failed`), error);
      this.reply(tab, message, error);
    }
  }

  /** The server has answered a ping. */
  handlePong(): void {
    this.pings.shift()?.();
  }

  private handle(tab: Tab, message: Message): void {
    const {docs, queries, presences, log} = this.owner;
    const {c, d, v} = message as unknown as {c: string; d: string; v: Position};
    switch (message.a) {
      case 'f':
        return docs.get(c, d).fetch(tab, v);
      case 's':
        return docs.get(c, d).subscribe(tab, v);
      case 'u':
        return docs.get(c, d).unsubscribe(tab, v);
      case 'bf':
        return this.forMany(message, (doc, position) => doc.fetch(tab, position));
      case 'bs':
        return this.forMany(message, (doc, position) => doc.subscribe(tab, position));
      case 'bu':
        return this.forMany(message, (doc, position) => doc.unsubscribe(tab, position));
      case 'op':
        return this.submit(tab, docs.get(c, d), message as unknown as OpRequest);
      case 'qf':
        return queries.fetch(tab, message as unknown as QueryRequest);
      case 'qs':
        return queries.subscribe(tab, message as unknown as QueryRequest);
      case 'qu':
        return queries.unsubscribe(tab, message['id'] as number);
      case 'nf':
      case 'nt':
        return this.fetchSnapshot(tab, message);
      case 'p':
      case 'ps':
      case 'pu':
      case 'pr':
        return presences.receive(tab, message as unknown as PresenceRequest);
      case 'pp':
        return this.ping(tab);
      case 'app.message':
        return this.owner.onAppMessage(tab, message['message']);
      case 'doc.forget':
        return docs.find([c, d])?.forget(tab);
      case 'tab.resume':
        return this.resume(tab, message as unknown as ResumeMessage);
      case 'tab.visible':
        return this.owner.onVisible(tab, message['visible'] === true);
      case 'tab.debug':
        log.want(tab, message['scopes'] as unknown[]);
        return log.debug('host', () => `host ${this.owner.epoch} tells tab ${tab.id} what it does`);
      case 'tab.orphanedOps': {
        const ops = message['ops'] as OrphanedOpsMessage;
        return ops.tabId === tab.id ? this.owner.onOrphanedOps(ops) : undefined;
      }
      default:
        return this.refuse(tab, message, 'Invalid or unknown message');
    }
  }

  private resume(tab: Tab, {docs: all, together}: ResumeMessage): void {
    const ends = together ? [tab.gather()] : [];
    for (const known of all) {
      const doc = this.owner.docs.get(known.c, known.d);
      doc.resume(tab, known);
      if (!together) continue;
      // The tab gets all answers in one message, including those for documents that have to be read from the store first.
      const end = tab.gather();
      doc.whenRestored(end);
    }
    for (const end of ends) end();
  }

  /** Submits an op. An op in ShareDB's own form (`connection.send`) has no revision, so the revision that was sent to the tab is assumed. */
  private submit(tab: Tab, doc: SharedDoc, request: OpRequest): void {
    if (request.src && request.src !== tab.id) return this.refuse(tab, request, 'src is not the id of this tab');
    doc.submit(tab, request.at ? request : {...request, at: doc.positionOf(tab)});
  }

  /** Handles a request for many documents, so that it stays one request to the server. */
  private forMany({c, b}: Message, act: (doc: SharedDoc, position: Position) => void): void {
    const {docs, bulk} = this.owner;
    bulk.run(() => {
      for (const [id, position] of Object.entries(b as Record<string, Position>)) act(docs.get(c as string, id), position);
    });
  }

  private fetchSnapshot(tab: Tab, {a, id, c, d, v, ts}: Message): void {
    const {connection} = this.owner;
    const reply = tab.inThisSession((error: Error | null, snapshot?: {v: number; type: string | null; data: unknown; m: unknown}) => {
      if (error || !snapshot) return tab.send({a, id, error: encodeError(error)});
      tab.send({a, id, v: snapshot.v, type: snapshot.type, data: snapshot.data, meta: snapshot.m});
    });
    if (a === 'nf') connection.fetchSnapshot(c as string, d as string, (v ?? null) as number | null, reply);
    else connection.fetchSnapshotByTimestamp(c as string, d as string, (ts ?? null) as number | null, reply);
  }

  private ping(tab: Tab): void {
    this.pings.push(tab.inThisSession(() => tab.send({a: 'pp'})));
    this.owner.connection.ping();
  }

  private refuse(tab: Tab, message: {a: string}, problem: string): void {
    this.owner.log.warn(warning('WARN_TABS_MALFORMED', `refused a message of tab ${tab.id}: ${problem}`), message.a);
    // Only requests have answers. Other messages are dropped.
    if (isRequest(message.a)) this.reply(tab, message, {code: 'ERR_MESSAGE_BADLY_FORMED', message: problem});
  }

  /** Answers with an error, and with the members that identify the tab's request. */
  private reply(tab: Tab, message: {a: string}, error: unknown): void {
    const {a, b, c, d, id, ch, seq, pv, v, at} = message as Message;
    const inc = ((a === 'op' ? at : v) as Position | undefined)?.inc;
    tab.send({a, b, c, d, id, ch, seq, pv, inc, error: encodeError(error)});
  }
}
