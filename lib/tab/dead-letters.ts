import type {DeadLetter} from '../protocol/messages.js';
import type {ProxyConnection} from './proxy-connection.js';

/** The ops that the server rejected for good, of all tabs, kept until the app has dealt with them. */
export class TabDeadLetters {
  constructor(
    private readonly connection: ProxyConnection,
    private readonly call: (name: string, args?: unknown) => Promise<unknown>
  ) {}

  async list(): Promise<DeadLetter[]> {
    return (await this.call('deadLetters.list')) as DeadLetter[];
  }

  /** All of them as JSON, e.g. for a file that the user can keep. */
  async export(): Promise<string> {
    return JSON.stringify(await this.list(), null, 2);
  }

  /**
   * Submits the op once more, on the document as it is now. The letter goes when the server has taken it;
   * if the server rejects it again, it stays, and this rejects with the server's error.
   */
  async retry(id: string): Promise<void> {
    const letter = (await this.list()).find(letter => letter.id === id);
    if (!letter) return;
    const doc = this.connection.get(letter.collection, letter.doc);
    await doc.fetch();
    const {create, del, op} = letter.step;
    if (create) await doc.create(create.data, create.type);
    else if (del) await doc.del();
    else await doc.submitOp(op);
    await this.discard(id);
  }

  /** Forgets a letter. Forgetting one that is not there is no error. */
  async discard(id: string): Promise<void> {
    await this.call('deadLetters.discard', id);
  }
}
