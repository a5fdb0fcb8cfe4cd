import {expect} from 'chai';
import {SessionServer} from '../../lib/broker/session-server.js';
import {Session} from '../../lib/broker/session.js';
import {FollowerUpdates} from '../../lib/host/doc/follower-updates.js';
import {Follower} from '../../lib/host/doc/follower.js';
import {History} from '../../lib/ot/history.js';
import type {WaitingOp} from '../../lib/ot/history-entry.js';
import {Transactions} from '../../lib/host/collections/transactions.js';
import {JournaledDoc} from '../../lib/host/doc/journaled-doc.js';
import type {Rollbacks} from '../../lib/host/doc/rollbacks.js';
import {DeadLetters} from '../../lib/host/letters/dead-letters.js';
import {Sequencer} from '../../lib/host/doc/sequencer.js';
import {ServerFaults} from '../../lib/host/server/server-faults.js';
import {ServerWatch} from '../../lib/host/server/server-watch.js';
import {ServerStateCheck} from '../../lib/host/doc/server-state-check.js';
import {SharedDoc} from '../../lib/host/doc/shared-doc.js';
import {StatesOfTabs} from '../../lib/host/doc/states-of-tabs.js';
import {SharedPresences} from '../../lib/host/presence/shared-presences.js';
import type {Platform} from '../../lib/platform/platform.js';
import {DocRequests} from '../../lib/host/doc/doc-requests.js';
import type {RealDoc} from '../../lib/host/upstream.js';
import {FatalOps} from '../../lib/host/server/fatal-ops.js';
import {DurableStore} from '../../lib/store/durable-store.js';
import {Encryption} from '../../lib/store/encryption.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Change} from '../../lib/store/storage.js';
import {WriteQueue} from '../../lib/store/write-queue.js';
import {LateDocuments} from '../../lib/host/doc/late-documents.js';
import {Quarantine} from '../../lib/store/quarantine.js';
import {cases, type Case} from '../simulator/cases.js';
import {allEdits} from '../simulator/edits.js';
import {World} from '../simulator/world.js';

interface Bug {
  /** The type of the documents. Default: a text. */
  type?: string;
  /** The walks that find the bug, and their number. */
  on: Case;
  within: number;
  /** The seed of the first of these walks, where only one of very many finds the bug. Default: 1. */
  first?: number;
  /**
   * Puts the bug into the library.
   * @returns a function that removes it
   */
  plant(): () => void;
}

/**
 * Replaces a method by one that receives the right one.
 * @returns a function that restores the right one
 */
function replace<Owner extends object, Name extends keyof Owner>(owner: Owner, name: Name, wrong: (right: any) => Owner[Name]): () => void {
  const right = owner[name];
  owner[name] = wrong(right);
  return () => { owner[name] = right; };
}

/** How a session server waits for a tab to come back. */
interface Waiting {
  platform: Platform;
  startReturnTimeout(tabId: string, ms: number, onGone: () => void): void;
}

/** How ops get their places. */
interface Placing {
  sequence(follower: Follower, inc: number, ops: WaitingOp[], isReplay?: boolean): void;
}

/** How a session server compares itself with the last clearing. */
interface Clearings {
  isCleared(): boolean;
}

/** How a tab that has lost its host hears of its last transaction. */
interface Answering {
  isCommitted(...question: unknown[]): Promise<{committed: boolean}>;
}

/** How a host notes the server's answer to a part of a transaction. */
interface Settling {
  settle(waiting: unknown, doc: unknown, error?: unknown): void;
}

/** How a tab is answered from the host's copy first. */
interface Behind {
  loadBehind(follower: {awaitsServer: boolean}, action: 'f' | 's'): void;
}

const bugs: Record<string, Bug> = {
  'a lost message': {
    on: cases['a quiet network']!,
    within: 20,
    plant() {
      let batches = 0;
      return replace(Session.prototype, 'receive', right => function(this: Session, batch) {
        right.call(this, ++batches % 25 ? batch : {...batch, messages: batch.messages.slice(1)});
      });
    }
  },
  'a doubled op': {
    on: cases['sessions that break']!,
    within: 50,
    // The host forgets which ops of a tab it has, and which entries of the history are the tab's.
    plant() {
      const takeOut = [
        replace(Follower.prototype, 'locate', right => function(this: Follower, ...args) {
          right.apply(this, args);
          this.lastSeq = 0;
        }),
        replace(History.prototype, 'rebase', right => function(this: History, ops, _owner, type, rev) {
          return right.call(this, ops, 'nobody', type, rev) as ReturnType<History['rebase']>;
        })
      ];
      return () => takeOut.forEach(undo => undo());
    }
  },
  'a forgotten cleanup': {
    on: cases['pages that die or close their connections']!,
    within: 50,
    // The presence of a dead tab stays in other tabs.
    plant: () => replace(SharedPresences.prototype, 'detach', right => function(this: SharedPresences, tab) {
      right.call(this, tab, false);
    })
  },
  'a WebSocket that says it is open, and is believed': {
    on: cases['a server that closes WebSockets, or is silent over them']!,
    within: 50,
    plant: () => replace(ServerWatch.prototype, 'check', () => () => {})
  },
  'a wrong transform side': {
    on: cases['a quiet network']!,
    within: 50,
    plant: () => replace(History.prototype, 'rebase', right => function(this: History, ops, owner, type, rev) {
      const {transform} = type as {transform(...args: unknown[]): unknown};
      const mistaken = {transform: {value: (mine: unknown, theirs: unknown, side: string) => transform(mine, theirs, side === 'left' ? 'right' : 'left')}};
      return right.call(this, ops, owner, type && Object.create(type, mistaken), rev) as ReturnType<History['rebase']>;
    })
  },
  'a host that does not take what tabs have of the server': {
    on: cases['everything at once']!,
    first: 60,
    within: 50,
    plant: () => replace(JournaledDoc.prototype, 'replayServerOp', () => () => {})
  },
  'a host that does not take what tabs have of a dead one': {
    on: cases['a host that dies, and pages that do']!,
    first: 100,
    within: 50,
    plant: () => replace(Sequencer.prototype, 'replayUnconfirmed', () => () => {})
  },
  'a document whose state is not in its journal': {
    on: cases['a host that dies, and another one that takes over from the store']!,
    within: 50,
    plant: () => replace(SharedDoc.prototype, 'checkpointState', () => () => {})
  },
  'a way on that leads elsewhere': {
    on: cases['a host that dies, and another one that takes over from the store']!,
    first: 630,
    within: 50,
    // A tab with ops that follow other tabs' ops is treated as if those did not exist.
    plant: () => replace(History.prototype, 'end', () => function(this: History, rev, known) {
      return this.covers(rev + known.length) ? rev + known.length : undefined;
    })
  },
  'a refusal that is taken back by what the op says of itself': {
    on: cases['a server that refuses ops that remove, replace and move']!,
    within: 50,
    plant: () => replace(JournaledDoc.prototype, '_rollback', () => function(this: JournaledDoc, error) {
      (this as unknown as {rollbacks: Rollbacks}).rollbacks.takeBack(error);
    })
  },
  'a forgotten addition of the server': {
    on: cases['a server that adds to ops, and is told of their sources']!,
    within: 50,
    plant: () => replace(JournaledDoc.prototype, '_handleOp', right => function(this: JournaledDoc, error, message) {
      right.call(this, error, {...message, m: undefined, '$fixup': undefined, fixup: undefined});
    })
  },
  'a source that the server is not told of': {
    on: cases['a server that adds to ops, and is told of their sources']!,
    within: 50,
    plant: () => replace(JournaledDoc.prototype, 'submit', right => function(this: JournaledDoc, submission, callback) {
      return right.call(this, {...submission, submitSource: false}, callback) as Error | undefined;
    })
  },
  'a fault of the server that is taken for a refusal': {
    on: cases['a server whose database is away now and then']!,
    within: 20,
    plant: () => replace(ServerFaults.prototype, 'willRetry', () => () => false)
  },
  'a document that is not asked for again': {
    on: cases['a server whose database is away now and then']!,
    within: 200,
    plant: () => replace(ServerFaults.prototype, 'readAgain', () => () => {})
  },
  'a lost history that is not noticed': {
    on: cases['a host that dies while its server deletes old ops']!,
    within: 100,
    plant: () => replace(ServerStateCheck.prototype, 'probe', () => (callback: (isLost: boolean) => void) => callback(false))
  },
  'a state of another database that a loaded page is shown': {
    on: cases['a server that starts again with another database']!,
    within: 100,
    plant: () => replace(ServerStateCheck.prototype, 'recheck', () => () => false)
  },
  'an edit in what another database lacks, which is acknowledged and lost': {
    type: 'json0',
    on: cases['edits inside of what the other database of a server lacks']!,
    within: 20,
    plant: () => replace(Sequencer.prototype as unknown as Placing, 'sequence', right => function(this: Placing, follower, inc, ops, isReplay) {
      right.call(this, follower, inc, ops.map(op => ({...op, x: {}})), isReplay);
    })
  },
  'a tab that is given up because the computer has slept': {
    on: cases['a computer that sleeps, so that timers are late']!,
    within: 300,
    plant: () => replace(SessionServer.prototype as unknown as Waiting, 'startReturnTimeout', () => function(this: Waiting, tabId, ms, onGone) {
      this.platform.clock.after(ms, onGone);
    })
  },
  'a full disk that is not told of': {
    on: cases['a disk that is full, hangs or fails']!,
    within: 100,
    plant() {
      const right = Object.getOwnPropertyDescriptor(DurableStore.prototype, 'isDurable')!;
      Object.defineProperty(DurableStore.prototype, 'isDurable', {configurable: true, get: () => true});
      return () => { Object.defineProperty(DurableStore.prototype, 'isDurable', right); };
    }
  },
  'what a disk has not taken, and is dropped': {
    on: cases['a disk that is full, hangs or fails']!,
    first: 170,
    within: 50,
    plant: () => replace(WriteQueue.prototype as unknown as {requeued(): unknown[]}, 'requeued', () => () => [])
  },
  'a fetch that does not reach the server': {
    on: cases['a slow server that does not tell of each op']!,
    within: 50,
    plant: () => replace(SharedDoc.prototype, 'fetch', right => function(this: SharedDoc, tab, position) {
      right.call(this, tab, {...position, stored: true});
    })
  },
  'a document that is stored as it is': {
    on: cases['a host that dies, and its slow server does not tell of each op']!,
    within: 5,
    plant: () => replace(Encryption.prototype, 'encrypted', () => changes => Promise.resolve(changes))
  },
  'a dead letter that stays when it was tried again': {
    on: cases['dead letters that are tried again']!,
    within: 20,
    plant: () => replace(DeadLetters.prototype, 'noteSaved', () => () => {})
  },
  'a state of another host that is taken for the present one': {
    on: cases['a host that dies, and the disk is emptied']!,
    within: 200,
    plant: () => replace(StatesOfTabs.prototype, 'position', () => function(this: StatesOfTabs, follower, inc, {fromHost}) {
      const {journaled, updates} = this as unknown as {journaled: JournaledDoc; updates: FollowerUpdates};
      if (fromHost && journaled.hasState && follower.sent === null && inc === follower.inc) updates.position(follower, journaled.history.rev);
    })
  },
  'an op that is too large, and is sent for ever': {
    on: cases['ops that are larger than the server takes']!,
    within: 20,
    plant: () => replace(FatalOps.prototype, 'onDisconnected', () => () => {})
  },
  'a document that is asked for again without a pause': {
    on: cases['a server whose database is away now and then']!,
    within: 50,
    plant: () => replace(ServerFaults.prototype, 'readAgain', () => (_reader, _error, ask) => ask())
  },
  'a stored state that is not brought up to date': {
    on: cases['a host that dies, and pages that show first what is stored, or was put into them']!,
    within: 200,
    plant: () => replace(DocRequests.prototype as unknown as Behind, 'loadBehind', right => function(this: Behind, follower, action) {
      right.call(this, follower, action);
      follower.awaitsServer = false;
    })
  },
  'a state in a page that is taken for the host\'s own': {
    on: cases['pages that the server has put states into']!,
    within: 100,
    plant: () => replace(JournaledDoc.prototype, 'revisionOf', () => function(this: JournaledDoc) {
      return this.history.rev;
    })
  },
  'what a failing cipher has kept from the disk, and is dropped': {
    on: {...cases['a host that dies, and its cipher fails now and then']!, steps: 120},
    within: 50,
    plant: () => replace(WriteQueue.prototype as unknown as {requeued(): unknown[]}, 'requeued', () => () => [])
  },
  'what a disk can\'t read, and is deleted': {
    on: cases['a host that dies, and a disk that can\'t read now and then']!,
    within: 100,
    plant: () => replace(Quarantine.prototype, 'changesFor', right => async function(this: Quarantine, change) {
      const changes = await right.call(this, change) as Change[];
      return changes.length === 1 ? [{type: 'remove', key: change.key}] : changes;
    })
  },
  'what a disk can read again, and is left in quarantine': {
    on: cases['a host that dies, and a disk that can\'t read now and then']!,
    within: 50,
    plant: () => replace(LateDocuments.prototype, 'useUnread', () => async () => {})
  },
  'a host that serves the next user after its own has signed out': {
    on: cases['users who sign out']!,
    within: 50,
    plant: () => replace(SessionServer.prototype as unknown as Clearings, 'isCleared', () => () => false)
  },
  'a database that forgets the last sign-out, where the app clears localStorage': {
    on: cases['users who sign out, and an app that clears localStorage']!,
    within: 50,
    plant: () => replace(DurableStore.prototype, 'clear', right => function(this: DurableStore) {
      return right.call(this) as Promise<void>;
    })
  },
  'a transaction that a dead host has made, and that is made again': {
    on: cases['a host that dies in the middle of transactions over plain documents']!,
    within: 100,
    plant: () => replace(Transactions.prototype as unknown as Answering, 'isCommitted', right => async function(this: Answering, ...question) {
      await right.apply(this, question);
      return {committed: false};
    })
  },
  'a refused transaction that its tab takes for a saved one': {
    on: cases['transactions over plain documents, of which the server refuses some']!,
    within: 20,
    plant: () => replace(Transactions.prototype as unknown as Settling, 'settle', right => function(this: Settling, waiting, doc) {
      right.call(this, waiting, doc);
    })
  },
  'an op through a projection that the whole document does not show': {
    on: cases['documents that are also open through a projection']!,
    within: 20,
    // The server sends a client its own op on another collection, and the host takes it for one that it has.
    plant: () => replace(JournaledDoc.prototype, '_handleOp', right => function(this: JournaledDoc, error, message) {
      const {connection, inflightOp} = (this as unknown as {doc: RealDoc}).doc;
      const {src, seq} = message as {src?: string; seq?: number};
      if (error || src !== connection.id || seq === inflightOp?.seq) right.call(this, error, message);
    })
  },
  'a document that may not be read, and whose old state tabs get without an error': {
    on: cases['a user who may not write some documents, or not read all ops']!,
    within: 50,
    plant: () => replace(FollowerUpdates.prototype, 'answerError', () => function(this: FollowerUpdates, follower, action, inc) {
      this.answer(follower, action, inc);
    })
  },
  'a missed fence': {
    on: {...cases['a host that lives on when another one has taken over']!, steps: 150},
    within: 100,
    // Every writer counts as the owner of the storage.
    plant() {
      const holders = new WeakMap<InMemoryStorage, string>();
      const takeOut = [
        replace(InMemoryStorage.prototype, 'claim', right => function(this: InMemoryStorage, epoch) {
          holders.set(this, epoch);
          return right.call(this, epoch) as Promise<Record<string, string>>;
        }),
        replace(InMemoryStorage.prototype, 'write', right => function(this: InMemoryStorage, changes) {
          return right.call(this, changes, holders.get(this)) as Promise<void>;
        })
      ];
      return () => takeOut.forEach(undo => undo());
    }
  }
};

describe('random walks find', function() {
  this.timeout(5 * 60_000);
  const problemsOf = ({on, type = 'text-unicode'}: Bug, seed: number): Promise<string[]> =>
    new World({seed, edits: allEdits.find(edits => edits.type === type)!, ...on}).run();

  for (const [name, bug] of Object.entries(bugs)) {
    it(`${name}, and no fault without it`, async () => {
      let found: string[] = [];
      const {first = 1} = bug;
      let seed = first - 1;
      const takeOut = bug.plant();
      try {
        while (!found.length && seed < first + bug.within - 1) found = await problemsOf(bug, ++seed);
      } finally {
        takeOut();
      }
      expect(found, `of ${bug.within} walks, none found it`).not.to.eql([]);
      expect(await problemsOf(bug, seed), `seed ${seed} without it`).to.eql([]);
    });
  }
});
