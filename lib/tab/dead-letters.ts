import type {CallHost} from '../protocol/calls.js';
import type {DeadLetter} from '../protocol/messages.js';

/** The ops that the server rejected for good, of all tabs, kept until the app has dealt with them. Those of one document stay in order. */
export class TabDeadLetters {
  constructor(private readonly host: {callHost: CallHost}) {}

  async list(): Promise<DeadLetter[]> {
    return this.host.callHost('deadLetters.list');
  }

  /** All of them as JSON, e.g. for a file that the user can keep. */
  async export(): Promise<string> {
    return JSON.stringify(await this.list(), null, 2);
  }

  /**
   * Submits the op once more, carried over to the document as it is now. The letter goes when the server has taken it, and is
   * taken only once. Otherwise it stays, and this rejects: with the server's error; with ERR_TABS_OFFLINE; or with
   * ERR_TABS_LETTER_BASE where the op can't be carried over, which the message explains.
   */
  async retry(id: string): Promise<void> {
    await this.host.callHost('deadLetters.retry', id);
  }

  /** Forgets a letter. Forgetting one that is not there is no error. */
  async discard(id: string): Promise<void> {
    await this.host.callHost('deadLetters.discard', id);
  }
}
