import Backend from 'sharedb';
import {DOCUMENTS, FLEETING, LASTING, LONELY} from './client.js';
import {SimulatedDatabase} from './database.js';
import {COLLECTION} from './server.js';
import {tick, type World} from './world.js';

/** The author of the content of a new database. */
const OPERATOR = 'the operator';

/** The databases with which a server starts again. */
export class Replacements {
  /** Copies of the database from earlier moments. */
  private readonly copies: SimulatedDatabase[] = [];

  constructor(private readonly world: World) {}

  copy(): void {
    this.copies.push(this.world.server.database.copy());
  }

  /** Restarts the server with another database. Remote clients are loaded anew. */
  async replace(): Promise<void> {
    const {world} = this;
    const {server, election, ledger} = world;
    const database = await this.next();
    if (world.walk.nested) {
      // While the host has unsent ops, the server's answer to those shows that it has another database.
      election.current?.line.restore();
      await world.rest(1000);
    }
    election.loseNetwork();
    server.replaceDatabase(database);
    // Edits of a document that others have created anew may be refused.
    ledger.contested.add(FLEETING);
    for (const id of DOCUMENTS) ledger.replaced.add(id);
    world.replaceRemotes();
    if (world.walk.nested) this.editBelow();
    else if (world.random.below(2)) election.current?.line.restore();
  }

  /** Pages edit what they show, and another page is loaded, for which the host requests the content of the new database. */
  private editBelow(): void {
    const {world, world: {random, election, pages}} = this;
    for (const page of pages.filter(({isRunning}) => isRunning)) {
      const id = random.pick(LASTING);
      page.holdBack(id);
      for (let left = 1 + random.below(3); left > 0; left--) page.write(id, random, false);
    }
    election.current?.line.restore();
    world.openPage();
  }

  private async next(): Promise<SimulatedDatabase> {
    const {random, server: {database}} = this.world;
    switch (random.below(4)) {
      case 0: return new SimulatedDatabase();
      case 1: return (this.copies.length ? random.pick(this.copies) : database).copy();
      default: return this.withDocuments();
    }
  }

  /** A database with other documents of the same names. */
  private async withDocuments(): Promise<SimulatedDatabase> {
    const {world: {walk: {edits}, random, ledger}} = this;
    const database = new SimulatedDatabase();
    const connection = new Backend({db: database as never}).connect();
    for (const id of [...LASTING, LONELY]) {
      const doc = connection.get(COLLECTION, id);
      await settled(done => doc.create(structuredClone(edits.start), edits.type, done));
      for (let left = random.below(8); left > 0; left--) {
        const {word, callbacks} = ledger.write(id, OPERATOR, false, '');
        callbacks.push(undefined);
        await settled(done => doc.submitOp(edits.next(doc.data, random, word) as never, {}, done));
      }
    }
    connection.close();
    return database;
  }
}

/** Waits for a callback that needs no event of the walk. */
async function settled(start: (done: (error?: unknown) => void) => void): Promise<void> {
  let isDone = false;
  start(error => {
    if (error) throw error as Error;
    isDone = true;
  });
  while (!isDone) await tick();
}
