import type {UndoHook} from '../protocol/undo.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import type {UndoableDoc} from './types.js';

/** A tab uses its turn only within this time after the turn has begun, in ms. The host ends a turn that takes a little longer. */
const TURN_MS = 4000;
/** How long to wait after a failed call, in ms, before the tab requests a turn again. */
const RETRY_MS = 50;

let turns = 0;

/** The scope 'browser' of managers in several tabs. Their ops have marks, and they take turns, so that no step is undone twice. */
export class SharedScope {
  readonly docs: readonly ProxyDoc[];
  private readonly connection: ProxyConnection;
  private isClosed = false;
  /** End the calls of `inTurn` that wait. */
  private readonly endings = new Set<() => void>();
  private steps = 0;

  /**
   * @param hookOf creates the hook of a document
   * @throws TypeError if the documents are not of one connection of `createConnection`, Error if one has such a manager in this tab
   */
  constructor(docs: readonly UndoableDoc[], hookOf: (doc: ProxyDoc) => UndoHook<PendingOp>) {
    const [first] = docs;
    if (!docs.every(doc => 'undoHook' in doc && doc.connection === first!.connection)) {
      throw new TypeError("UndoManager: the scope 'browser' needs documents of one connection of createConnection");
    }
    this.docs = docs as readonly UndoableDoc[] as readonly ProxyDoc[];
    this.connection = this.docs[0]!.connection;
    if (this.docs.some(doc => doc.undoHook)) {
      throw new Error("UndoManager: this tab has a manager with the scope 'browser' for one of these documents. Close that manager first");
    }
    for (const doc of this.docs) doc.undoHook = hookOf(doc);
  }

  /** Creates the id of a step. It is unique in all tabs. */
  newStep(): string {
    return `${this.connection.id}/${++this.steps}`;
  }

  /**
   * Calls `act` when it is this tab's turn, this tab has everything that others have undone, and the host has all ops of this tab.
   * @param act submits its ops synchronously
   * @returns the result of `act`, when the host has the ops; false if this scope or the connection is closed before
   */
  async inTurn(act: () => boolean): Promise<boolean> {
    let result = false;
    if (this.isOver) return result;
    await new Promise<void>((resolve, reject) => {
      this.endings.add(resolve);
      void this.takeTurns(() => { result = act(); }).then(resolve, reject).finally(() => this.endings.delete(resolve));
    });
    return result;
  }

  /** Stops marking ops. May be called twice. */
  close(): void {
    this.isClosed = true;
    for (const doc of this.docs) doc.undoHook = undefined;
    for (const end of this.endings) end();
  }

  /** Calls `act` in the first turn that this tab can use. Does not call it if this scope or the connection is closed before. */
  private async takeTurns(act: () => void): Promise<void> {
    const {clock} = this.connection;
    for (;;) {
      await this.whenConnected();
      // Others do not have to wait for a turn that this tab can't use yet.
      await this.whenSynced();
      if (this.isOver) return;
      const id = String(++turns);
      const asked = clock.now();
      const waited = await this.takeTurn(id);
      if (waited !== undefined) await this.whenSynced();
      try {
        // This tab may have been frozen, and another tab may have a turn now.
        if (waited !== undefined && clock.now() - asked - waited < TURN_MS && !this.isOver) {
          act();
          return await this.handOver();
        }
      } finally {
        this.endTurn(id);
      }
      if (waited === undefined) await new Promise<void>(resolve => clock.after(RETRY_MS, resolve));
    }
  }

  /** Resolves when the turn begins, with the time that this tab has waited for it, in ms; undefined if there is no turn. */
  private async takeTurn(id: string): Promise<number | undefined> {
    try {
      return (await this.connection.callHost('undo.turn', id)) ?? 0;
    } catch (error) {
      // A host of an older build supports neither turns nor marks.
      return (error as {code?: unknown}).code === 'ERR_MESSAGE_BADLY_FORMED' ? 0 : undefined;
    }
  }

  private endTurn(id: string): void {
    // The turns end with their host, so an error has no effect.
    this.connection.callHost('undo.end', id).catch(() => {});
  }

  /** A document with ops of this tab that the host has not placed, or whose position in the history is not known. */
  private get unsynced(): ProxyDoc | undefined {
    return this.isOver ? undefined : this.docs.find(doc => doc.type !== null && doc.settledRevision === undefined);
  }

  private async whenSynced(): Promise<void> {
    for (let doc; (doc = this.unsynced);) await this.whenNotUnsynced(doc);
  }

  private whenNotUnsynced(doc: ProxyDoc): Promise<void> {
    return new Promise(resolve => doc.when(() => this.unsynced !== doc, resolve));
  }

  private get isOver(): boolean {
    return this.isClosed || this.connection.hostState === 'closed';
  }

  private async handOver(): Promise<void> {
    await Promise.all(this.docs.map(doc => new Promise<void>(resolve => doc.whenHandedOver(resolve))));
  }

  private whenConnected(): Promise<void> {
    const {connection} = this;
    return new Promise(resolve => {
      const check = (state: ProxyConnection['hostState']): void => {
        if (state !== 'connected' && state !== 'closed') return;
        connection.off('hostState', check);
        resolve();
      };
      connection.on('hostState', check);
      check(connection.hostState);
    });
  }
}
