import type {QuarantinedDoc} from '../protocol/messages.js';

/** What was stored of documents and could not be used: kept until the app has dealt with it. `status.quarantined` counts it. */
export class TabQuarantine {
  constructor(private readonly call: (name: string, args?: unknown) => Promise<unknown>) {}

  async list(): Promise<QuarantinedDoc[]> {
    return (await this.call('quarantine.list')) as QuarantinedDoc[];
  }

  /** All of it as JSON, with the documents and their edits as they are stored. */
  async export(): Promise<string> {
    return JSON.stringify(await this.call('quarantine.export'), null, 2);
  }

  /**
   * Uses it again: the edits in it that the server has not got are sent. Rejects with ERR_TABS_QUARANTINE_IN_USE while the
   * document has been opened or stored anew since.
   */
  async restore(id: string): Promise<void> {
    await this.call('quarantine.restore', id);
  }

  /** Deletes it. Discarding what is not there is no error. */
  async discard(id: string): Promise<void> {
    await this.call('quarantine.discard', id);
  }
}
