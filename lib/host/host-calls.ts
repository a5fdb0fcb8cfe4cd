import {isClearing, type Clearing} from '../protocol/clearing.js';
import type {HostCallHandlers} from '../protocol/calls.js';
import {withCode} from '../protocol/errors.js';
import {isLocal} from '../protocol/local.js';
import type {InspectOptions} from '../protocol/report.js';
import type {DurableStore} from '../store/durable-store.js';
import type {Clock} from '../platform/platform.js';
import type {Queues} from './collections/queues.js';
import type {Transactions} from './collections/transactions.js';
import type {SharedDocs} from './doc/shared-docs.js';
import type {Inspection} from './inspection/inspection.js';
import type {DeadLetters} from './letters/dead-letters.js';
import type {LetterRetries} from './letters/letter-retries.js';
import type {OrphanedOps} from './orphaned-ops.js';
import type {SharedQueries} from './queries/shared-queries.js';
import type {StoreAccess} from './store-access.js';
import type {Tab} from './tab.js';
import type {UndoTurns} from './undo-turns.js';

/** The parts of a host that answer calls. */
export interface HostCallsOwner {
  readonly clock: Clock;
  readonly docs: SharedDocs;
  readonly queries: SharedQueries;
  readonly deadLetters: DeadLetters;
  readonly letterRetries: LetterRetries;
  readonly orphanedOps: OrphanedOps;
  readonly store: DurableStore | undefined;
  readonly storeAccess: StoreAccess;
  readonly transactions: Transactions;
  readonly queues: Queues;
  readonly undoTurns: UndoTurns;
  readonly inspection: Inspection;
  clear(clearing: Clearing | undefined): Promise<void>;
}

/** The calls of shared queues. All other calls that begin with `shared.` are for transactions. */
const OF_QUEUES = new Set(['shared.take', 'shared.cancel', 'shared.report']);

/** Answers the calls of tabs. {@link HostCallHandlers} lists them. */
export class HostCallTable {
  private readonly handlers: HostCallHandlers;

  constructor(private readonly owner: HostCallsOwner) {
    const {docs, queries, deadLetters, letterRetries, orphanedOps, store, storeAccess, inspection, clock} = owner;
    this.handlers = {
      'host.ping': () => null,
      'host.inspect': args => inspection.report((args ?? {}) as InspectOptions),
      'host.observe': args => inspection.observe(args),
      'host.fault': args => inspection.injectFault(args),
      'host.clear': clearing => owner.clear(isClearing(clearing) ? clearing : undefined),
      'queries.settle': args => queries.settle(Array.isArray(args) ? args : [], clock),
      'store.flush': () => storeAccess.flush(),
      'store.pendingDocs': () => docs.all().filter(doc => doc.pendingOps && !isLocal(doc.collection)).map(doc => [doc.collection, doc.id]),
      'tab.orphanedOps': args => orphanedOps.takeOver(args),
      'ops.lost': args => orphanedOps.keepLost(args),
      'quarantine.list': () =>
        store?.quarantine.list().map(({id, key: [collection, doc], error, size}) => ({id, collection, doc, error, size})) ?? [],
      'quarantine.export': () => store?.quarantine.export() ?? [],
      'quarantine.restore': args => storeAccess.restoreQuarantined(String(args)),
      'quarantine.discard': args => storeAccess.discardQuarantined(String(args)),
      'deadLetters.list': () => deadLetters.list(),
      'deadLetters.discard': args => deadLetters.discard(String(args)),
      'deadLetters.retry': args => letterRetries.retry(String(args))
    };
  }

  /** @throws ERR_MESSAGE_BADLY_FORMED if the call is unknown or its arguments are invalid */
  answer(tab: Tab, name: string, args: unknown): unknown {
    const {queues, transactions, undoTurns} = this.owner;
    if (name === 'undo.turn') return undoTurns.take(tab.id, String(args));
    if (name === 'undo.end') return undoTurns.end(tab.id, String(args));
    if (name.startsWith('shared.')) return (OF_QUEUES.has(name) ? queues : transactions).answer(tab, name, args);
    if (Object.hasOwn(this.handlers, name)) return this.handlers[name as keyof HostCallHandlers](args);
    throw withCode('ERR_MESSAGE_BADLY_FORMED', `Unknown call ${name}`);
  }
}
