import type {Doc} from 'sharedb/lib/client/index.js';
import type {LoadBrowser, TabConnection} from './clients.js';

export interface WorkOptions {
  /** A part of the ids of all notes. Each run has its own. */
  run: string;
  browsers: number;
  /** How many users share a list of notes. */
  team: number;
}

interface OpenTab {
  note: Doc<{text: string}>;
  news: Doc<{text: string}>;
}

const TEXT = 'What was said in the meeting, and what is to be done until the next one. '.repeat(25);

/**
 * The work of the users. Each has a list of the team's notes (a query) and the news (a note that everybody follows) in every tab,
 * the team's first note in all tabs but the last, and the second note in that one.
 */
export class Work {
  private readonly tabs: OpenTab[][] = [];

  constructor(private readonly options: WorkOptions) {}

  private get teams(): number {
    return Math.ceil(this.options.browsers / this.options.team);
  }

  /** Creates the notes before users connect. Each has 1.8 KB. */
  async createNotes(connection: TabConnection): Promise<void> {
    const ids = [this.newsId, ...Array.from({length: this.teams}, (_, i) => [this.noteId(i, 0), this.noteId(i, 1)]).flat()];
    await inTurns(ids, 10, id => new Promise<void>((resolve, reject) => {
      connection.get('notes', id).create({text: TEXT}, error => (error ? reject(error) : resolve()));
    }));
  }

  /** Opens the documents and the query in all tabs of a user. */
  async open({tabs}: LoadBrowser, user: number): Promise<void> {
    const team = this.teamOf(user);
    this.tabs[user] = await Promise.all(tabs.map(async (tab, i) => {
      const [note, news] = await Promise.all([
        subscribe(tab, this.noteId(team, i === tabs.length - 1 ? 1 : 0)),
        subscribe(tab, this.newsId),
        new Promise<void>((resolve, reject) => {
          tab.createSubscribeQuery('notes', {prefix: `team:${this.options.run}-${team}:`}, {}, error => (error ? reject(error) : resolve()));
        })
      ]);
      return {note, news};
    }));
  }

  /** Each team's users edit their notes in turns; one of all writes news. Resolves when the server has all edits, and all tabs too. */
  async edit(editsPerTeam: number): Promise<void> {
    for (let round = 0; round < editsPerTeam; round++) {
      const editors = Array.from({length: this.teams}, (_, team) => Math.min(team * this.options.team + (round % this.options.team), this.options.browsers - 1));
      await inTurns(editors, 10, user => {
        const tabs = this.tabs[user]!;
        return insert(tabs[round % tabs.length]!.note);
      });
    }
    await insert(this.tabs[0]![0]!.news);
    await this.untilAlike();
  }

  /** Waits until all tabs have the same text of each note. */
  async untilAlike(): Promise<void> {
    const docs = this.tabs.flat().flatMap(({note, news}) => [note, news]);
    const end = Date.now() + 120_000;
    for (;;) {
      const lengths = new Map<string, number>();
      for (const doc of docs) lengths.set(doc.id, Math.max(lengths.get(doc.id) ?? 0, doc.data?.text.length ?? 0));
      const behind = docs.filter(doc => doc.data?.text.length !== lengths.get(doc.id) || doc.hasWritePending());
      if (!behind.length) return;
      if (Date.now() > end) throw new Error(`${behind.length} of ${docs.length} documents are behind after two minutes`);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }

  private get newsId(): string {
    return `team:${this.options.run}:news`;
  }

  private noteId(team: number, n: number): string {
    return `team:${this.options.run}-${team}:${n}`;
  }

  private teamOf(user: number): number {
    return Math.floor(user / this.options.team);
  }
}

const subscribe = (tab: TabConnection, id: string): Promise<Doc<{text: string}>> => new Promise((resolve, reject) => {
  const doc = tab.get('notes', id) as Doc<{text: string}>;
  doc.subscribe(error => (error ? reject(error) : resolve(doc)));
});

const insert = (doc: Doc<{text: string}>): Promise<void> => new Promise((resolve, reject) => {
  doc.submitOp([{p: ['text', doc.data.text.length], si: 'x'}], {}, error => (error ? reject(error) : resolve()));
});

/** Calls `act` for each item, at most `atATime` at once. */
export async function inTurns<Item>(items: readonly Item[], atATime: number, act: (item: Item, i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({length: atATime}, async () => {
    while (next < items.length) {
      const i = next++;
      await act(items[i]!, i);
    }
  }));
}
