/** A word that somebody wrote: it stands for an op. */
export interface Written {
  word: string;
  doc: string;
  writer: string;
  /** Meant to be rejected by the server. */
  doomed: boolean;
  callbacks: (Error | null | undefined)[];
  /** Others than its writer who were shown it. */
  shownTo: Set<string>;
}

/** A request that has to be answered once. */
interface Call {
  what: string;
  client: string;
  callbacks: (Error | null | undefined)[];
}

const WORD = /\[(?:reject)*(\d+)\]/g;

/** What was written, asked and shown in a walk, and what was wrong with it at once. */
export class Ledger {
  readonly problems: string[] = [];
  readonly written: Written[] = [];
  readonly calls: Call[] = [];
  /** The dead letters that tabs were told of, as JSON. */
  readonly letters: string[] = [];
  /** Those that are there in the end, where they were tried again. */
  readonly left: string[] = [];
  /** Documents of which somebody was given another state than the one that its ops were made on. */
  readonly replaced = new Set<string>();
  /** Documents that remote clients have created or deleted, too: what tabs made on their own creations may be lost with these. */
  readonly contested = new Set<string>();
  /** Those who are not there any more: nobody is there to be called back. */
  readonly gone = new Set<string>();

  /** A host has ended while its tabs knew that nothing was durable: what it alone knew may be lost, or come twice. */
  hasWarned = false;
  /** Pages that were in the back/forward cache for so long that the host has forgotten them. */
  readonly givenUp = new Set<string>();

  problem(text: string): void {
    this.problems.push(text);
  }

  write(doc: string, writer: string, doomed: boolean, mark: string): Written {
    const word = `[${doomed ? mark : ''}${this.written.length}]`;
    const written: Written = {word, doc, writer, doomed, callbacks: [], shownTo: new Set()};
    this.written.push(written);
    return written;
  }

  /** A callback that has to be called once, if its client lives. */
  call(client: string, what: string): (error?: Error | null) => void {
    const call: Call = {client, what, callbacks: []};
    this.calls.push(call);
    return error => void call.callbacks.push(error);
  }

  /** Somebody was shown what others wrote. */
  show(client: string, data: unknown): void {
    for (const [, number] of JSON.stringify(data ?? null).matchAll(WORD)) {
      const written = this.written[Number(number)];
      if (written && written.writer !== client) written.shownTo.add(client);
    }
  }
}
