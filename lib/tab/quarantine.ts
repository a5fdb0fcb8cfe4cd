import type {CallHost} from '../protocol/calls.js';
import type {QuarantinedDoc} from '../protocol/messages.js';

/** What was stored of documents and could not be used: kept until the app has dealt with it. `status.quarantined` counts it. */
export class TabQuarantine {
  constructor(private readonly host: {callHost: CallHost}) {}

  async list(): Promise<QuarantinedDoc[]> {
    return this.host.callHost('quarantine.list');
  }

  /** All of it as JSON, with the documents and their edits as they are stored. */
  async export(): Promise<string> {
    return JSON.stringify(await this.host.callHost('quarantine.export'), null, 2);
  }

  /**
   * Uses it again: the edits in it that the server has not got are sent. Rejects with ERR_TABS_QUARANTINE_IN_USE while the
   * document has been opened or stored anew since.
   */
  async restore(id: string): Promise<void> {
    await this.host.callHost('quarantine.restore', id);
  }

  /** Deletes it. Discarding what is not there is no error. */
  async discard(id: string): Promise<void> {
    await this.host.callHost('quarantine.discard', id);
  }
}
