import {expect} from 'chai';
import type {Doc} from 'sharedb/lib/client/index.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {sockets} from './server-control.js';
import {plain, type Options, type KarmaStage, type Tab} from './stage.js';
import {Typist} from './typing.js';

export interface TypingTab extends Tab {
  doc: Doc;
  typist: Typist;
}

/** Tabs that type into one document all the time. */
export class TypingTabs {
  readonly #stage: KarmaStage;
  readonly #options: Options;
  readonly #open = new Set<TypingTab>();
  readonly #typists: Typist[] = [];

  constructor(stage: KarmaStage, options: Options = {}) {
    this.#stage = stage;
    this.#options = options;
  }

  get open(): TypingTab[] {
    return [...this.#open];
  }

  async add(options: Options = {}): Promise<TypingTab> {
    return this.type(await this.#stage.openFrame({...this.#options, ...options}));
  }

  async addMany(count: number): Promise<TypingTab[]> {
    const added = [];
    for (let i = 0; i < count; i++) added.push(await this.add());
    return added;
  }

  /** Makes a tab type as soon as it has the document. */
  async type(tab: Tab): Promise<TypingTab> {
    const doc = await this.#stage.subscribe(tab.connection);
    if (!doc.type) await settled(done => doc.create({list: []}, done));
    const typist = new Typist(doc, `tab${this.#typists.length}`);
    this.#typists.push(typist);
    const typing = {...tab, doc, typist};
    this.#open.add(typing);
    return typing;
  }

  /** The tab is about to close; its text counts. */
  leave(tab: TypingTab): void {
    tab.typist.stop();
    this.#open.delete(tab);
  }

  /** Waits while each of the tabs types and sees the text of the others. */
  async talk(words = 5): Promise<void> {
    const typists = this.open.map(({typist}) => typist);
    const aims = typists.map(({count}) => count + words);
    await until('everybody types', () => typists.every(({count}, i) => count >= aims[i]!));
    const marks = this.open.map(({doc}) => doc.data.list.length as number);
    const least = Math.max(...marks);
    await until('everybody sees what the others type', () => this.open.every(({doc}) => doc.data.list.length >= least));
  }

  /** Stops all tabs. Each word must be everywhere once, each callback was called once, and there is one socket. */
  async conclude(): Promise<void> {
    for (const typist of this.#typists) typist.stop();
    for (const typist of this.open.map(tab => tab.typist)) await typist.expectAnswers();
    const count = this.#typists.reduce((sum, typist) => sum + typist.count, 0);
    let list: string[] = [];
    const read = async (): Promise<boolean> => {
      list = (plain(await this.#stage.fetchFromServer()) as {list: string[]}).list;
      return list.length >= count;
    };
    await until(`the server has ${count} words`, read).catch(() => {});
    for (const typist of this.#typists) typist.expectAllIn(list);
    await until('all tabs show what the server has', () => this.open.every(({doc}) => doc.data.list.length === list.length));
    for (const {doc} of this.#open) expect(plain(doc)).to.eql({list});
    await until('there is one socket', async () => (await sockets(this.#stage.path)).open === 1);
  }
}
