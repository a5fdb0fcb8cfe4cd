import type {World} from './world.js';

/** The longest pause between two attempts of a host to read a document, in ms, and some more. */
const LONGEST_PAUSE_MS = 40_000;

/** A disk that can't read for a while. */
export class UnreadableDisk {
  constructor(private readonly world: World) {}

  /** The disk can read again, and the host has read everything. */
  async settle(): Promise<void> {
    const {election} = this.world;
    election.disk.state = 'well';
    await this.world.rest(LONGEST_PAUSE_MS);
  }

  /** What the disk could not read is not left in quarantine, except for ops that can't be merged. Their entries give the reason. */
  async judge(): Promise<void> {
    const {world, world: {ledger, pages: [page]}} = this;
    await world.done('the quarantine', done => void page!.connection.quarantine.list().then(entries => {
      const left = entries.filter(({error: {code, message}}) => code !== 'ERR_TABS_STORAGE_SUPERSEDED' || !message.includes('can\'t be transformed'));
      for (const {collection, doc, error} of left) ledger.problem(`${collection}/${doc} is still in quarantine: ${error.code} ${error.message}`);
      done();
    }, done));
  }
}
