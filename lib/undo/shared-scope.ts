import type {UndoHook} from '../protocol/undo.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import type {UndoableDoc} from './types.js';

/** A host lets a tab that does not say that it is done have its turn for a little longer, in ms. */
const TURN_MS = 4000;
/** After a call that has failed, the host is asked again after this time, in ms. */
const RETRY_MS = 50;

let turns = 0;

/** The scope that managers of several tabs share: marks on their ops, and turns, so that no two tabs undo the same step. */
export class SharedScope {
  readonly docs: readonly ProxyDoc[];
  private readonly connection: ProxyConnection;
  private steps = 0;

  /**
   * @param hookOf what a document is to ask and to tell
   * @throws TypeError where the documents are not of one `createConnection`, Error where one has such a manager in this tab
   */
  constructor(docs: readonly UndoableDoc[], hookOf: (doc: ProxyDoc) => UndoHook<PendingOp>) {
    const [first] = docs;
    if (!docs.every(doc => 'undoHook' in doc && doc.connection === first!.connection)) {
      throw new TypeError("UndoManager: the scope 'browser' needs documents of one connection of createConnection");
    }
    this.docs = docs as readonly UndoableDoc[] as readonly ProxyDoc[];
    this.connection = this.docs[0]!.connection;
    if (this.docs.some(doc => doc.undoHook)) {
      throw new Error("UndoManager: this tab has a manager with the scope 'browser' for one of these. Close that one first");
    }
    for (const doc of this.docs) doc.undoHook = hookOf(doc);
  }

  /** An id that no other tab mints. */
  newStep(): string {
    return `${this.connection.id}/${++this.steps}`;
  }

  /**
   * Waits until no other tab undoes or redoes, this one has all that others have undone, and the host all that this one has made.
   * @param act is called then; it makes its ops at once
   * @returns what `act` gives, once the host has the ops; false where the connection is closed before
   */
  async inTurn(act: () => boolean): Promise<boolean> {
    const {connection} = this;
    while (!this.isClosed) {
      const id = String(++turns);
      const asked = connection.clock.now();
      const isMine = await this.takeTurn(id);
      for (let moving; isMine && (moving = this.moving);) await this.whenMoved(moving);
      // It may have been frozen, and then another tab's turn has come meanwhile.
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

  /** Ops are marked no more. Closing twice is no error. */
  close(): void {
    for (const doc of this.docs) doc.undoHook = undefined;
  }

  private async takeTurn(id: string): Promise<boolean> {
    await this.whenConnected();
    try {
      await this.connection.callHost('undo.turn', id);
      return true;
    } catch (error) {
      // A host of an older build does not know of turns, nor of marks.
      return (error as {code?: unknown}).code === 'ERR_MESSAGE_BADLY_FORMED';
    }
  }

  private endTurn(id: string): void {
    // If the host is lost, so are its turns.
    this.connection.callHost('undo.end', id).catch(() => {});
  }

  /** A document of which the host has not got all that this tab has made, or this tab not all that the host has. */
  private get moving(): ProxyDoc | undefined {
    return this.isClosed ? undefined : this.docs.find(doc => doc.type !== null && doc.settledRevision === undefined);
  }

  private whenMoved(doc: ProxyDoc): Promise<void> {
    return new Promise(resolve => doc.when(() => this.moving !== doc, resolve));
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
      const look = (state: ProxyConnection['hostState']): void => {
        if (state !== 'connected' && state !== 'closed') return;
        connection.off('hostState', look);
        resolve();
      };
      connection.on('hostState', look);
      look(connection.hostState);
    });
  }
}
