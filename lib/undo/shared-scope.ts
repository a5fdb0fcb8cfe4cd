import type {UndoHook} from '../protocol/undo.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import type {UndoableDoc} from './types.js';

/** A tab uses its turn only within this time after it has requested the turn, in ms. The host ends a turn that takes a little longer. */
const TURN_MS = 4000;
/** How long to wait after a failed call, in ms, before the tab requests a turn again. */
const RETRY_MS = 50;

let turns = 0;

/** The scope 'browser' of managers in several tabs. Their ops have marks, and they take turns, so that no step is undone twice. */
export class SharedScope {
  readonly docs: readonly ProxyDoc[];
  private readonly connection: ProxyConnection;
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
   * @returns the result of `act`, when the host has the ops; false if the connection is closed before
   */
  async inTurn(act: () => boolean): Promise<boolean> {
    const {connection} = this;
    while (!this.isClosed) {
      const id = String(++turns);
      const asked = connection.clock.now();
      const isMine = await this.takeTurn(id);
      for (let doc; isMine && (doc = this.unsynced);) await this.whenSynced(doc);
      // This tab may have been frozen, and another tab may have a turn now.
      if (isMine && connection.clock.now() - asked < TURN_MS && !this.isClosed) {
        const result = act();
        await this.handOver();
        this.endTurn(id);
        return result;
      }
      this.endTurn(id);
      if (!isMine) await new Promise<void>(resolve => connection.clock.after(RETRY_MS, resolve));
    }
    return false;
  }

  /** Stops marking ops. May be called twice. */
  close(): void {
    for (const doc of this.docs) doc.undoHook = undefined;
  }

  private async takeTurn(id: string): Promise<boolean> {
    await this.whenConnected();
    try {
      await this.connection.callHost('undo.turn', id);
      return true;
    } catch (error) {
      // A host of an older build supports neither turns nor marks.
      return (error as {code?: unknown}).code === 'ERR_MESSAGE_BADLY_FORMED';
    }
  }

  private endTurn(id: string): void {
    // The turns end with their host, so an error has no effect.
    this.connection.callHost('undo.end', id).catch(() => {});
  }

  /** A document with ops of this tab that the host has not placed, or whose position in the history is not known. */
  private get unsynced(): ProxyDoc | undefined {
    return this.isClosed ? undefined : this.docs.find(doc => doc.type !== null && doc.settledRevision === undefined);
  }

  private whenSynced(doc: ProxyDoc): Promise<void> {
    return new Promise(resolve => doc.when(() => this.unsynced !== doc, resolve));
  }

  private get isClosed(): boolean {
    return this.connection.hostState === 'closed';
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
