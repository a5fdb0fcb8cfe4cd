import {OrphanedOps} from '../../lib/connect/orphaned-ops.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Hello} from '../../lib/protocol/frames.js';
import type {Random} from '../karma/random.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {PortedConnection} from '../node/ported-connection.js';
import {CONFLICTS, Client, FLEETING} from './client.js';
import type {Edits} from './edits.js';
import type {Ledger} from './ledger.js';
import type {Machine, Process} from './machine.js';
import type {Circumstances} from './walk.js';

/** What a page does with its connection when it goes away, and when it comes. */
interface Inside {
  orphanedOps(): OrphanedOpsMessage | undefined;
  offerOrphanedOps(word: OrphanedOpsMessage): Promise<unknown>;
  sendOrphanedOps(word: OrphanedOpsMessage | undefined, forGood: boolean): void;
  suspend(): void;
  resumeLink(): void;
  reconnect(reason: string): void;
}

/** Greets the current host on a port. @returns the page's end, or none */
export type GreetOnPort = (hello: Hello, process: Process) => Channel | undefined;

/** A page with a tab's connection in it, and what the library does for it at the page's events. */
export class Page extends Client {
  private readonly words: OrphanedOps;
  private isAway = false;
  /** How often the computer had slept when the page was put away. */
  private sleepsBefore = 0;

  constructor(
    name: string, private readonly machine: Machine, edits: Edits, private readonly book: Ledger, walk: Circumstances, storage: Storage,
    warn: (message: string, detail: unknown) => void, greetOnPort: GreetOnPort
  ) {
    const process = machine.start(name);
    const {channel, locks, clock} = process;
    const connection = new PortedConnection({channel, locks, clock, warn, storedFirst: walk.storedFirst}, hello => greetOnPort(hello, process));
    super(name, process, connection, edits, book, walk);
    this.words = new OrphanedOps('default', connection.id!, locks, () => storage as never);
    connection.on('error', error => {
      // A refusal that upstream emits on a document, where that is one that only a query has brought by now.
      const {code} = error as {code?: string};
      // A place in a document that the new database does not have.
      if (walk.replacements && code === 'ERR_TYPE_DOES_NOT_SUPPORT_PRESENCE') return;
      if (!CONFLICTS.has(code!) || !book.contested.has(FLEETING)) book.problem(`${name}: ${error.stack}`);
    });
    connection.on('deadletter', letter => book.letters.push(JSON.stringify(letter)));
    connection.on('hostState', state => {
      if (state !== 'connected' || process.state === 'dead') return;
      this.words.leave(undefined);
      this.offerOrphanedOps();
    });
  }

  private get inside(): Inside {
    return this.connection as unknown as Inside;
  }

  /** Hands over what dead pages have left. */
  offerOrphanedOps(): void {
    this.words.offer(word => this.inside.offerOrphanedOps(word)).catch(() => {});
  }

  /** The page is hidden: it may never be heard of again. */
  hide(): void {
    this.words.leave(this.inside.orphanedOps());
  }

  /** The page goes away. @param isHeard whether what it posts then still leaves */
  goAway(isHeard: boolean): void {
    this.hide();
    if (isHeard) this.inside.sendOrphanedOps(this.inside.orphanedOps(), true);
    this.process.kill();
  }

  /** The page goes into the back/forward cache. @param isHeard whether what it posts then still leaves */
  putAway(isHeard: boolean): void {
    this.hide();
    if (isHeard) this.inside.sendOrphanedOps(this.inside.orphanedOps(), false);
    this.inside.suspend();
    this.isAway = true;
    this.sleepsBefore = this.machine.clock.sleeps;
    this.process.freeze();
  }

  /** It goes on after it was frozen or put away. */
  wake(): void {
    this.process.thaw();
    if (!this.isAway) return;
    this.isAway = false;
    // A host waits half of its time for a page once more after one sleep, not after two.
    if (this.machine.clock.sleeps > this.sleepsBefore + 1) this.book.givenUp.add(this.name);
    this.inside.resumeLink();
  }

  /** Tries a dead letter again, which may be refused once more. */
  retryLetter(random: Random): void {
    const {deadLetters} = this.connection;
    deadLetters.list().then(all => {
      // A creation that others were before is refused again, and says nothing.
      const letters = all.filter(({doc}) => doc !== FLEETING);
      return letters.length ? deadLetters.retry(random.pick(letters).id) : undefined;
    }).catch(() => {});
  }

  breakSession(): void {
    this.inside.reconnect('chance');
  }
}
