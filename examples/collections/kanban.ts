import {SharedArray, SharedMap, transaction} from 'sharedb-tabs/collections';
import {UndoManager} from 'sharedb-tabs/undo';
import type {ProxyConnection, ProxyDoc} from 'sharedb-tabs';

export interface Card {
  title: string;
}

export const COLUMNS = ['to do', 'doing', 'done'] as const;
export type Column = typeof COLUMNS[number];

/** A board: the cards by id, and for each column the ids in their order. A card is in one column, whoever moves it. */
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

  /** Within a column it is one step of this tab's, which can be undone. */
  reorder(column: Column, from: number, to: number): void {
    this.undoing.stopCapturing();
    this.columns.get(column)!.move(from, to);
  }

  undo(): Promise<boolean> {
    return this.undoing.undo();
  }

  /** From one column to another: in both at once. @returns whether the card was still where it was seen */
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
