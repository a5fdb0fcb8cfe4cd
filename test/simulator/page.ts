import {ClearingMark} from '../../lib/connect/clearing-mark.js';
import {OrphanedOpsStorage} from '../../lib/connect/orphaned-ops-storage.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import type {Hello} from '../../lib/protocol/frames.js';
import type {Random} from '../support/random.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {PortedConnection} from '../node/ported-connection.js';
import {CONFLICTS, Client, FLEETING} from './client.js';
import type {Edits} from './edits.js';
import type {Ledger} from './ledger.js';
import {isForbidden} from './revocations.js';
import type {Machine, Process} from './machine.js';
import {mayBeForbidden, type Circumstances} from './walk.js';

/** The page's handlers for its events. */
interface Inside {
  orphanedOps(): OrphanedOpsMessage | undefined;
}

/**
 * Greets the current host on a port.
 * @returns the page's end, or undefined if there is no host
 */
export type GreetOnPort = (hello: Hello, process: Process) => Channel | undefined;

/** A page with a tab's connection, and the calls that the library makes at the page's events. */
export class Page extends Client {
  private readonly orphanedOps: OrphanedOpsStorage;
  private readonly mark: ClearingMark;
  /** Whether the page is in the back/forward cache. */
  isAway = false;
  /** The number of the computer's sleeps when the page was suspended. */
  private sleepsBefore = 0;

  constructor(
    name: string, private readonly machine: Machine, edits: Edits, private readonly book: Ledger, walk: Circumstances, storage: Storage,
    warn: (message: string, detail: unknown) => void, greetOnPort: GreetOnPort
  ) {
    const process = machine.start(name);
    const {channel, locks, clock} = process;
    const mark = new ClearingMark('default', () => storage, clock.now());
    const connection = new PortedConnection({channel, locks, clock, warn, storedFirst: walk.storedFirst}, hello => {
      return greetOnPort(Object.assign(hello, mark.own), process);
    }, cleared => this.closeIfCleared(cleared));
    super(name, process, connection, edits, book, walk);
    this.mark = mark;
    this.orphanedOps = new OrphanedOpsStorage('default', connection.id!, locks, () => storage as never, mark);
    connection.on('error', error => {
      // ShareDB emits a refusal on a document that by now only a query has brought.
      const {code} = error as {code?: string};
      if (mayBeForbidden(walk) && isForbidden(error)) return;
      // A position in a document that the new database does not have.
      if (walk.replacements && code === 'ERR_TYPE_DOES_NOT_SUPPORT_PRESENCE') return;
      if (!CONFLICTS.has(code!) || !book.contested.has(FLEETING)) book.problem(`${name}: ${error.stack}`);
    });
    connection.on('deadletter', letter => book.letters.push(JSON.stringify(letter)));
    connection.on('hostState', state => {
      if (state !== 'connected' || process.state === 'dead') return;
      this.orphanedOps.leave(undefined);
      this.offerOrphanedOps();
    });
  }

  private get inside(): Inside {
    return this.connection as unknown as Inside;
  }

  /** Hands over the orphaned ops of dead pages. */
  offerOrphanedOps(): void {
    this.orphanedOps.offer(ops => this.connection.callHost('tab.orphanedOps', ops)).catch(() => {});
  }

  /** Hides the page. It may not send anything later. */
  hide(): void {
    this.orphanedOps.leave(this.inside.orphanedOps());
  }

  /**
   * Ends the page.
   * @param isHeard whether its last messages still arrive
   */
  goAway(isHeard: boolean): void {
    this.hide();
    if (isHeard) this.connection.hostClient.sendOrphanedOps(this.inside.orphanedOps(), true);
    this.process.kill();
  }

  /**
   * Puts the page into the back/forward cache.
   * @param isHeard whether its last messages still arrive
   */
  putAway(isHeard: boolean): void {
    this.hide();
    if (isHeard) this.connection.hostClient.sendOrphanedOps(this.inside.orphanedOps(), false);
    this.connection.hostClient.suspend();
    this.isAway = true;
    this.sleepsBefore = this.machine.clock.sleeps;
    this.process.freeze();
  }

  /** Thaws the page, or shows it again. */
  wake(): void {
    this.process.thaw();
    if (this.closeIfCleared() || !this.isAway) return;
    this.isAway = false;
    // After one sleep of the computer, a host waits for a page again for half of the time; after two it does not.
    if (this.machine.clock.sleeps > this.sleepsBefore + 1) this.book.givenUp.add(this.name);
    this.connection.hostClient.resume();
  }

  /** Tries a dead letter again. It may be refused again. */
  retryLetter(random: Random): void {
    const {deadLetters} = this.connection;
    deadLetters.list().then(all => {
      // A creation that came after another client's creation is refused again, without an error.
      const letters = all.filter(({doc}) => doc !== FLEETING);
      return letters.length ? deadLetters.retry(random.pick(letters).id) : undefined;
    }).catch(() => {});
  }

  /** Signs out. Rejects if some data could not be deleted. */
  signOut(): Promise<void> {
    const {now} = this.machine.clock;
    const mark = this.mark.set(`${this.name}/${now}`, now);
    this.orphanedOps.clear();
    Object.assign(this.connection, {leaves: mark});
    return this.connection.clear().finally(() => {
      this.mark.merge(mark);
      return this.orphanedOps.offer();
    });
  }

  /** Handles the event of localStorage after another page has changed it. */
  hearOfStorage(event: Pick<StorageEvent, 'key' | 'newValue'>): void {
    this.closeIfCleared(this.mark.markIn(event));
  }

  /**
   * Somebody may have signed out since this page was opened.
   * @returns whether its connection is closed
   */
  closeIfCleared(cleared?: Clearing): boolean {
    if (this.mark.merge(cleared) && !this.connection.clearing) this.connection.closeCleared();
    return this.connection.state === 'closed';
  }

  breakSession(): void {
    this.connection.hostClient.sessionClient?.reconnect('chance');
  }
}
