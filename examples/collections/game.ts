import {SharedMap, SharedRecord, transaction} from 'sharedb-tabs/collections';
import type {ProxyConnection} from 'sharedb-tabs';

interface Player {
  x: number;
  y: number;
  score: number;
}

/** A tab of a game. Players move and pick up coins; each coin goes to one player. */
export class Game {
  private constructor(
    private readonly players: SharedMap<string, Player>, private readonly coins: SharedMap<string, number>, private readonly round: SharedRecord<{number: number}>
  ) {}

  static async join(connection: ProxyConnection): Promise<Game> {
    return new Game(
      await SharedMap.open(connection, 'players'), await SharedMap.open(connection, 'coins'), await SharedRecord.open(connection, 'round', {initial: {number: 0}})
    );
  }

  enter(name: string): void {
    this.players.set(name, {x: 0, y: 0, score: 0});
  }

  move(name: string, x: number, y: number): Promise<Player | undefined> {
    return this.players.update(name, player => player && {...player, x, y});
  }

  /** @returns whether this player got the coin: another one may have been faster */
  pickUp(name: string, coin: string): Promise<boolean> {
    return transaction(() => {
      const [player, value] = [this.players.get(name), this.coins.get(coin)];
      if (!player || value === undefined) return false;
      this.coins.delete(coin);
      this.players.set(name, {...player, score: player.score + value});
      return true;
    });
  }

  /** Begins the next round. It begins once, even if several tabs call this. */
  beginRound(number: number, coins: Record<string, number>): Promise<boolean> {
    return transaction(() => {
      if (this.round.get('number') !== number - 1) return false;
      this.round.set('number', number);
      this.coins.clear();
      this.coins.setMany(Object.entries(coins));
      return true;
    });
  }

  get scores(): Record<string, number> {
    return Object.fromEntries([...this.players].map(([name, {score}]) => [name, score]));
  }
}
