import type {World} from './world.js';

/** The longest pause between two attempts of a host to read a document, in ms, and some more. */
const LONGEST_PAUSE_MS = 40_000;

const WORD = /^\[\d+\]$/;

/** A disk that can't read for a while. */
export class UnreadableDisk {
  /** The texts of the letters and of the quarantine at the end of the walk, which users can read and export. */
  private reported = '';

  constructor(private readonly world: World) {}

  /** The disk can read again, and the host has read everything. */
  async settle(): Promise<void> {
    const {election} = this.world;
    election.disk.state = 'well';
    await this.world.rest(LONGEST_PAUSE_MS);
  }

  /** Reads what is reported at the end. */
  async list(): Promise<void> {
    const {world, world: {pages: [page]}} = this;
    const {deadLetters, quarantine} = page!.connection;
    await world.done('what is reported', done => void Promise.all([deadLetters.list(), quarantine.export()]).then(found => {
      this.reported = textsIn(found).join('');
      done();
    }, done));
  }

  /** Whether a letter or the quarantine contains this word at the end. */
  isReported(word: string): boolean {
    return this.reported.includes(word);
  }

  /** What the disk could not read is not left in quarantine, except for ops that can't be merged. Their entries give the reason. */
  async judge(): Promise<void> {
    const {world, world: {ledger, pages: [page]}} = this;
    await world.done('the quarantine', done => void page!.connection.quarantine.list().then(entries => {
      const left = entries.filter(({error: {code, message}}) =>
        code !== 'ERR_TABS_STORAGE_SUPERSEDED' || !message.includes('can\'t be transformed') || message.includes('again'));
      for (const {collection, doc, error} of left) ledger.problem(`${collection}/${doc} is still in quarantine: ${error.code} ${error.message}`);
      done();
    }, done));
  }
}

/**
 * The texts in a value, and in values that are stored in it as JSON. Colors contain the words of other ops, and may split a word into two
 * texts.
 */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    const inner = parsed(value);
    // A word such as `[0]` is JSON, too.
    return inner && typeof inner === 'object' && !WORD.test(value) ? textsIn(inner) : [value];
  }
  if (!value || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, part]) => (key === 'color' ? [] : textsIn(part)));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
