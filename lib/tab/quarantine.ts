import type {CallHost} from '../protocol/calls.js';
import type {QuarantinedDoc} from '../protocol/messages.js';

/** Stored data of documents that could not be used. It is kept until the app restores or discards it. `status.quarantined` counts it. */
export class TabQuarantine {
  constructor(private readonly host: {callHost: CallHost}) {}

  /** The stored documents that could not be used. Rejects with ERR_TABS_CLOSED after `connection.close()`. */
  async list(): Promise<QuarantinedDoc[]> {
    return this.host.callHost('quarantine.list');
  }

  /** Returns the quarantined data as JSON: the documents and their edits as they are stored. */
  async export(): Promise<string> {
    return JSON.stringify(await this.host.callHost('quarantine.export'), null, 2);
  }

  /**
   * Uses an entry again: its edits that the server lacks are sent. Rejects with ERR_TABS_QUARANTINE_IN_USE if the document has been opened
   * or stored again since.
   */
  async restore(id: string): Promise<void> {
    await this.host.callHost('quarantine.restore', id);
  }

  /** Deletes an entry. Deleting one that does not exist is no error. */
  async discard(id: string): Promise<void> {
    await this.host.callHost('quarantine.discard', id);
  }
}
