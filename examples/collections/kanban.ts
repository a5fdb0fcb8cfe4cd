import {SharedArray, SharedMap, transaction} from 'sharedb-tabs/collections';
import type {ProxyConnection} from 'sharedb-tabs';

export interface Card {
  title: string;
}

export const COLUMNS = ['to do', 'doing', 'done'] as const;
export type Column = typeof COLUMNS[number];

/** A move that this tab has made. */
interface Move {
  id: string;
  from: Column;
  /** The card's place before the move. */
  at: number;
  to: Column;
}

/** A board: the cards by id, and for each column the ids in order. A card is always in exactly one column. */
export class Board {
  private readonly moves: Move[] = [];

  private constructor(readonly cards: SharedMap<string, Card>, private readonly columns: ReadonlyMap<Column, SharedArray<string>>) {}

  static async open(connection: ProxyConnection, scope: 'local' | 'synced' = 'local'): Promise<Board> {
    const options = {collection: 'board', scope};
    const columns = COLUMNS.map(async name => [name, await SharedArray.open<string>(connection, name, options)] as const);
    return new Board(await SharedMap.open(connection, 'cards', options), new Map(await Promise.all(columns)));
  }

  private column(name: Column): SharedArray<string> {
    return this.columns.get(name)!;
  }

  add(id: string, title: string): Promise<void> {
    return transaction(() => {
      this.cards.set(id, {title});
      this.column('to do').push(id);
    });
  }

  /** Removes a card, wherever it is by now. */
  remove(id: string): Promise<void> {
    return transaction(() => {
      this.cards.delete(id);
      for (const column of this.columns.values()) {
        const at = column.toArray().indexOf(id);
        if (at >= 0) column.splice(at, 1);
      }
    });
  }

  cardsOf(column: Column): string[] {
    return this.column(column).toArray();
  }

  /** Moves a card, in one transaction. @returns whether the card was still in the expected column */
  async move(id: string, from: Column, to: Column, at: number): Promise<boolean> {
    const old = await this.place(id, from, to, at);
    if (old === undefined) return false;
    this.moves.push({id, from, at: old, to});
    return true;
  }

  get canUndo(): boolean {
    return this.moves.length > 0;
  }

  /** Undoes this tab's last move of a card that is still where that move put it. @returns whether there was one */
  async undo(): Promise<boolean> {
    for (let move = this.moves.pop(); move; move = this.moves.pop()) {
      if (await this.place(move.id, move.to, move.from, move.at) !== undefined) return true;
    }
    return false;
  }

  /** @returns the card's place before; undefined if it is not in the expected column */
  private place(id: string, from: Column, to: Column, at: number): Promise<number | undefined> {
    return transaction(() => {
      const [source, target] = [this.column(from), this.column(to)];
      const old = source.toArray().indexOf(id);
      if (old < 0) return undefined;
      if (from === to) source.move(old, Math.min(at, source.length - 1));
      else {
        source.splice(old, 1);
        target.splice(Math.min(at, target.length), 0, id);
      }
      return old;
    });
  }

  /** Calls back for each change on the board. */
  onChange(listener: () => void): void {
    for (const shared of [this.cards, ...this.columns.values()]) shared.on(listener);
  }
}
