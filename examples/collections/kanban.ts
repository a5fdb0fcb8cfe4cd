import {SharedArray, SharedMap, transaction} from 'sharedb-tabs/collections';
import {UndoManager} from 'sharedb-tabs/undo';
import type {ProxyConnection, ProxyDoc} from 'sharedb-tabs';

export interface Card {
  title: string;
}

export const COLUMNS = ['to do', 'doing', 'done'] as const;
export type Column = typeof COLUMNS[number];

/** A board: the cards by id, and for each column the ids in order. A card is always in exactly one column. */
export class Board {
  private constructor(
    readonly cards: SharedMap<string, Card>, private readonly columns: ReadonlyMap<Column, SharedArray<string>>, private readonly undoing: UndoManager
  ) {}

  static async open(connection: ProxyConnection): Promise<Board> {
    const docs = await Promise.all(COLUMNS.map(async name => {
      const column = await SharedArray.open<string>(connection, name, {collection: 'board'});
      return [name, column, connection.get('local:board', `array:${name}`)] as const;
    }));
    return new Board(
      await SharedMap.open(connection, 'cards', {collection: 'board'}), new Map(docs.map(([name, column]) => [name, column])),
      new UndoManager(docs.map(([, , doc]) => doc as ProxyDoc))
    );
  }

  add(id: string, title: string): void {
    this.cards.set(id, {title});
    this.columns.get('to do')!.push(id);
  }

  cardsOf(column: Column): string[] {
    return this.columns.get(column)!.toArray();
  }

  /** Moves a card within a column. This is one step that this tab can undo. */
  reorder(column: Column, from: number, to: number): void {
    this.undoing.stopCapturing();
    this.columns.get(column)!.move(from, to);
  }

  undo(): Promise<boolean> {
    return this.undoing.undo();
  }

  /** Moves a card to another column, in one transaction. @returns whether the card was still in the expected place */
  move(id: string, from: Column, to: Column, at: number): Promise<boolean> {
    return transaction(() => {
      const [source, target] = [this.columns.get(from)!, this.columns.get(to)!];
      const index = source.toArray().indexOf(id);
      if (index < 0) return false;
      source.splice(index, 1);
      target.splice(Math.min(at, target.length), 0, id);
      return true;
    });
  }
}
