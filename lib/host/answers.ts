/**
 * What is longer leaves in several messages, each at once: the tab works on it while the next one is made. Shorter ones take
 * longer: each message costs both sides some tenths of a millisecond (measured in Chromium).
 */
const BULK_CHARS = 1024 * 1024;

/** A request for a document's state: `f` or `s`, as ShareDB has them, and the incarnation that asks. */
export interface Question {
  a: 'f' | 's';
  c: string;
  d: string;
  inc: number;
}

/**
 * Answers to one tab that have documents' states. Those for documents of one collection that follow each other are
 * one message, as those of ShareDB's server are.
 */
export class Answers {
  private first: {question: Question; state: string} | undefined;
  private readonly ids = new Set<string>();
  /** Put together as it comes: an engine copies it once, when it is sent. */
  private data = '';

  /** @param send takes messages, and whether they are to leave at once */
  constructor(private readonly send: (message: string, atOnce: boolean) => void) {}

  /** @param state of the document, as JSON */
  add(question: Question, state: string): void {
    const {a, c, d, inc} = question;
    if (a !== this.first?.question.a || c !== this.first.question.c || this.ids.has(d)) this.flush();
    this.first ??= {question, state};
    this.ids.add(d);
    this.data += `${this.data && ','}${JSON.stringify(d)}:{"inc":${inc},${state.slice(1)}`;
    if (this.data.length >= BULK_CHARS) this.flush(true);
  }

  /** Hands over what there is. */
  flush(atOnce = false): void {
    const {first, ids: {size}, data} = this;
    if (!first) return;
    this.first = undefined;
    this.ids.clear();
    this.data = '';
    const {question, state} = first;
    const {a, c} = question;
    this.send(size > 1 ? `${open({a: `b${a}`, c})},"data":{${data}}}` : `${open(question)},"data":${state}}`, atOnce);
  }
}

/** The JSON of a message that goes on. */
const open = (message: object): string => JSON.stringify(message).slice(0, -1);
