/**
 * The size at which a message with states is sent at once, in characters. The tab handles it while the host makes the next one.
 * Smaller messages would take longer in total: each costs both sides some tenths of a millisecond (measured in Chromium).
 */
const BULK_CHARS = 1024 * 1024;

/** A tab's request for a document's state. `a` is ShareDB's action, `inc` the tab's incarnation of the document. */
export interface Question {
  a: 'f' | 's';
  c: string;
  d: string;
  inc: number;
}

/**
 * Collects answers to one tab that contain documents' states. Consecutive answers with the same action and collection become one
 * message, as ShareDB's server sends them.
 */
export class Answers {
  private first: {question: Question; state: string} | undefined;
  private readonly ids = new Set<string>();
  /** Built by concatenation, because an engine copies such a string only once, when it is sent. */
  private data = '';

  /** @param send sends a message. `atOnce`: whether it must be sent without waiting for the end of the turn. */
  constructor(private readonly send: (message: string, atOnce: boolean) => void) {}

  /** @param state the document's state, as JSON */
  add(question: Question, state: string): void {
    const {a, c, d, inc} = question;
    if (a !== this.first?.question.a || c !== this.first.question.c || this.ids.has(d)) this.flush();
    this.first ??= {question, state};
    this.ids.add(d);
    this.data += `${this.data && ','}${JSON.stringify(d)}:{"inc":${inc},${state.slice(1)}`;
    if (this.data.length >= BULK_CHARS) this.flush(true);
  }

  /** Sends the collected answers. */
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

/** Returns the JSON of a message without the last brace, so that members can be added. */
const open = (message: object): string => JSON.stringify(message).slice(0, -1);
