import type {Ending, SessionHandlers} from '../broker/session-server.js';
import type {HostSession} from '../broker/host-session.js';
import type {Hello} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';
import {warning} from '../protocol/warnings.js';
import type {DurableStore} from '../store/durable-store.js';
import type {DocKey} from '../store/storage.js';
import type {Queues} from './collections/queues.js';
import type {Transactions} from './collections/transactions.js';
import type {SharedDocs} from './doc/shared-docs.js';
import type {FrameRelay} from './frame-relay.js';
import type {HostCallTable} from './host-calls.js';
import type {HostLog} from './host-log.js';
import type {Inspection} from './inspection/inspection.js';
import {checkObserverCall} from './inspection/observers.js';
import type {SharedPresences} from './presence/shared-presences.js';
import type {SharedQueries} from './queries/shared-queries.js';
import type {ServerEvents} from './server/server-events.js';
import type {Shutdown} from './shutdown.js';
import type {StatusBoard} from './status-board.js';
import type {TabRequests} from './tab-requests.js';
import type {Tab} from './tab.js';
import type {Tabs} from './tabs.js';
import type {UndoTurns} from './undo-turns.js';

/** The parts of a host that are notified when a tab's session begins or ends. */
export interface TabSessionsOwner {
  readonly tabs: Tabs;
  readonly docs: SharedDocs;
  readonly queries: SharedQueries;
  readonly presences: SharedPresences;
  readonly queues: Queues;
  readonly undoTurns: UndoTurns;
  readonly transactions: Transactions;
  readonly frames: FrameRelay;
  readonly requests: TabRequests;
  readonly calls: HostCallTable;
  readonly board: StatusBoard;
  readonly serverEvents: ServerEvents;
  readonly inspection: Inspection;
  readonly shutdown: Shutdown;
  readonly log: HostLog;
  readonly store: DurableStore | undefined;
  /** Whether the memory of tabs is the only storage. */
  readonly isMirrored: boolean;
}

/** Begins and ends the sessions of tabs: sends the first messages, and makes each part of the host release a tab's state. */
export class TabSessions {
  constructor(private readonly owner: TabSessionsOwner) {}

  begin({tabId, isObserver, generation}: Hello, session: HostSession): SessionHandlers {
    return isObserver === true ? this.beginObserver(tabId, session) : this.beginTab(tabId, session, !!generation);
  }

  private beginTab(tabId: TabId, session: HostSession, hadHost: boolean): SessionHandlers {
    const {tabs, store, serverEvents, frames, board, requests, calls, inspection, log} = this.owner;
    const tab = tabs.begin(tabId, session);
    serverEvents.greet(tab, hadHost);
    if (store) tab.send({a: 'store.inventory', known: idsByCollection(store.keys())});
    if (tab.service === undefined) this.welcome(tab);
    frames.attach(tab);
    board.sendAgain();
    return {
      onMessage: message => {
        if (message.a === 'service') return frames.receive(tab, message['frame']);
        inspection.note('from tab', message, tabId);
        return requests.receive(tab, message);
      },
      onCall: (name, args) => calls.answer(tab, name, args),
      onMalformed: what => log.warn(warning('WARN_TABS_MALFORMED', `dropped a malformed message of tab ${tabId}`), what),
      onEnd: how => this.end(tab, how)
    };
  }

  /** Begins the session of a read-only page. It receives the host's status and the server's state, and may make the calls that read. */
  private beginObserver(tabId: TabId, session: HostSession): SessionHandlers {
    const {tabs, serverEvents, board, requests, calls, log} = this.owner;
    const observer = tabs.beginObserver(tabId, session);
    serverEvents.greet(observer, false);
    board.sendAgain();
    return {
      onMessage: message => requests.receive(observer, message),
      onCall: (name, args) => {
        checkObserverCall(name);
        return calls.answer(observer, name, args);
      },
      onMalformed: what => log.warn(warning('WARN_TABS_MALFORMED', `dropped a malformed message of observer ${tabId}`), what),
      onEnd: how => {
        observer.session = undefined;
        if (how === 'gone') tabs.deleteObserver(observer);
      }
    };
  }

  /** Sends a tab the messages that services do not get. */
  private welcome(tab: Tab): void {
    const {serverEvents, shutdown, log, isMirrored} = this.owner;
    if (isMirrored) tab.send({a: 'mirror.wanted'});
    serverEvents.sendWaiting(tab);
    shutdown.noteTab();
    log.debug('host', () => `tab ${tab.id} is here`);
  }

  /** Handles the end of a tab's session, or of the tab itself. */
  end(tab: Tab, how: Ending): void {
    const {frames, queries, presences, undoTurns, queues, docs, log, board, shutdown} = this.owner;
    const isGone = how === 'gone';
    tab.session = undefined;
    frames.detach(tab, how);
    queries.detach(tab);
    presences.detach(tab, how !== 'broken');
    undoTurns.forget(tab.id);
    if (how !== 'broken') queues.onAway(tab.id);
    for (const doc of docs.all()) doc.detach(tab, isGone);
    tab.token = undefined;
    log.forget(tab);
    log.debug('host', () => `tab ${tab.id} is ${how === 'broken' ? 'without a session' : how}`);
    if (isGone) this.forget(tab);
    board.update();
    shutdown.checkIdle();
  }

  private forget(tab: Tab): void {
    const author = this.owner.tabs.delete(tab);
    this.owner.transactions.forget(tab);
    if (author) this.end(author, 'gone');
  }
}

/** Returns the ids of the stored documents, which tabs can open without a server, by collection. */
function idsByCollection(keys: readonly DocKey[]): Record<string, string[]> {
  const ids: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [c, d] of keys) (ids[c] ??= []).push(d);
  return ids;
}
