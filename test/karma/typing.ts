import {expect} from 'chai';
import type {Doc} from 'sharedb/lib/client/index.js';
import {until} from '../waiting/until.js';

const EVERY_MS = 25;

/** Appends numbered words to a document's list until it is stopped. */
export class Typist {
  readonly #doc: Doc;
  readonly #name: string;
  readonly #timer: ReturnType<typeof setInterval>;
  /** How often the callback of each word was called. */
  readonly #calls: number[] = [];
  readonly #errors: unknown[] = [];

  constructor(doc: Doc, name: string) {
    this.#doc = doc;
    this.#name = name;
    this.#timer = setInterval(() => this.type(), EVERY_MS);
  }

  get count(): number {
    return this.#calls.length;
  }

  /** Types the next word. */
  type(): void {
    const n = this.#calls.push(0) - 1;
    try {
      this.#doc.submitOp([{p: ['list', this.#doc.data.list.length], li: `${this.#name} ${n}`}], {}, error => {
        if (error) this.#errors.push(error);
        this.#calls[n]!++;
      });
    } catch (error) {
      this.#errors.push(error);
      this.stop();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Waits until all words were acknowledged; fails if one was acknowledged more than once. */
  async expectAnswers(): Promise<void> {
    this.stop();
    const isDone = (): boolean => this.#errors.length > 0 || this.#calls.every(count => count > 0);
    await until(`${this.#name} has an answer for each word: ${this.#calls.length}`, isDone);
    expect(this.#calls.filter(count => count > 1), `${this.#name}: more than one answer`).to.eql([]);
    expect(this.#errors.length, `${this.#name}: the first of the errors is ${String(this.#errors[0])}`).to.equal(0);
  }

  /** Each word stands in the list once, in the order of typing. */
  expectAllIn(list: string[]): void {
    const mine = list.filter(word => word.startsWith(`${this.#name} `));
    expect(mine).to.eql(this.#calls.map((_, n) => `${this.#name} ${n}`));
  }
}
