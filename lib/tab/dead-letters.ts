import type {CallHost} from '../protocol/calls.js';
import type {DeadLetter} from '../protocol/messages.js';

/**
 * The ops of all tabs that the server rejected for good. They are kept until the app retries or discards them. The ops of one document stay
 * in order.
 */
export class TabDeadLetters {
  constructor(private readonly host: {callHost: CallHost}) {}

  /**
   * Returns the dead letters, grouped by document. Those of one document are in the order in which they can be retried. Rejects with
   * ERR_TABS_CLOSED after `connection.close()`.
   */
  async list(): Promise<DeadLetter[]> {
    return this.host.callHost('deadLetters.list');
  }

  /** Returns the dead letters as JSON, for example for a file that the user can keep. */
  async export(): Promise<string> {
    return JSON.stringify(await this.list(), null, 2);
  }

  /**
   * Submits the op again, transformed to the document's current state. The letter is removed when the server has accepted the op, which
   * it does only once. Otherwise the letter stays and this rejects: with the server's error; with ERR_TABS_OFFLINE; or with
   * ERR_TABS_LETTER_BASE if the op can't be transformed, for the reason that the message gives.
   */
  async retry(id: string): Promise<void> {
    await this.host.callHost('deadLetters.retry', id);
  }

  /** Deletes a letter. Deleting one that does not exist is no error. */
  async discard(id: string): Promise<void> {
    await this.host.callHost('deadLetters.discard', id);
  }
}
