import {setTimeout as pause} from 'node:timers/promises';
import type {Doc} from 'sharedb/lib/client/index.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import type {Tab} from './tab.js';

/** A character that is typed once and never again tells where it has got to. These are of one UTF-16 unit, without combining. */
const FIRST = 0x3400;
const LAST = 0x9fff;
/** Between two keystrokes of one typist, in ms: as fast as people type. */
const PACE_MS = 120;

/** Somebody who types. */
interface Typist {
  name: string;
  /** Resolves when the character is in what the typist sees. */
  type(character: string): Promise<void>;
  typed: Set<string>;
  /** What an error told of: it may be missing. */
  refused: Set<string>;
}

/** Several who type into one note at once, while a test goes on. */
export class Typists {
  private readonly typists: Typist[] = [];
  private next = FIRST;
  private isTyping = false;
  private loops: Promise<void>[] = [];

  addTab(tab: Tab): void {
    this.typists.push({name: tab.name, type: character => tab.type(character), typed: new Set(), refused: new Set()});
  }

  /** ShareDB's own client takes back what the server could not take, and tells the app by the callback. */
  addPlain(name: string, doc: Doc<{text: string}>): void {
    const refused = new Set<string>();
    this.typists.push({
      name, refused, typed: new Set(),
      async type(character) {
        // While ShareDB's client asks for a document anew, there is none.
        await until(`${name} has the note`, () => !!doc.data, PATIENCE);
        doc.submitOp([{p: ['text', doc.data.text.length], si: character}], {}, error => { if (error) refused.add(character); });
      }
    });
  }

  start(): void {
    this.isTyping = true;
    this.loops = this.typists.map(async ({type, typed}) => {
      while (this.isTyping) {
        const character = this.character();
        typed.add(character);
        await type(character);
        await pause(PACE_MS);
      }
    });
    // Somebody who can't type fails the test when it stops; until then the others go on.
    for (const loop of this.loops) loop.catch(() => {});
  }

  /** All of them type so many keystrokes more. */
  async more(count: number): Promise<void> {
    const goals = this.typists.map(({typed}) => typed.size + count);
    const all = Promise.all(this.loops);
    await Promise.race([
      all,
      until(`all type ${count} more keystrokes`, () => this.typists.every(({typed}, i) => typed.size >= goals[i]!), PATIENCE)
    ]);
  }

  async stop(): Promise<void> {
    this.isTyping = false;
    await Promise.all(this.loops);
    this.loops = [];
  }

  /** What is wrong in a text: keystrokes that are missing without a word, or there twice. */
  faultsOf(text: string): string[] {
    const counts = new Map<string, number>();
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    return this.typists.flatMap(({name, typed, refused}) => {
      const all = [...typed];
      const missing = all.filter(character => !counts.has(character) && !refused.has(character));
      const doubled = all.filter(character => (counts.get(character) ?? 0) > 1);
      return [
        ...(missing.length ? [`${missing.length} of ${all.length} keystrokes of ${name} are missing`] : []),
        ...(doubled.length ? [`${doubled.length} of ${all.length} keystrokes of ${name} are there twice`] : [])
      ];
    });
  }

  private character(): string {
    if (this.next > LAST) throw new Error('There are no more characters');
    return String.fromCharCode(this.next++);
  }
}
