/** A word that a client wrote. It identifies an op. */
export interface Written {
  word: string;
  doc: string;
  writer: string;
  /** The server is meant to reject the op. */
  doomed: boolean;
  callbacks: (Error | null | undefined)[];
  /** The other clients that have shown the word. */
  shownTo: Set<string>;
}

/** A request that must be answered once. */
interface Call {
  what: string;
  client: string;
  callbacks: (Error | null | undefined)[];
}

const WORD = /\[(?:reject)*(\d+)\]/g;

/** Records what was written, requested and shown in a walk, and the faults that show at once. */
export class Ledger {
  readonly problems: string[] = [];
  readonly written: Written[] = [];
  readonly calls: Call[] = [];
  /** The dead letters that tabs have received, as JSON. */
  readonly letters: string[] = [];
  /** The dead letters that are left after they were tried again. */
  readonly left: string[] = [];
  /** Documents of which a client got another state than the one that its ops were made on. */
  readonly replaced = new Set<string>();
  /** Documents that remote clients have created or deleted as well. Ops of tabs on their own creations may be lost with these. */
  readonly contested = new Set<string>();
  /** Clients that are gone. Their callbacks may never be called. */
  readonly gone = new Set<string>();

  /** A host has begun or ended while nothing was durable, or its disk was emptied. Ops that only hosts had may be lost, or be sent twice. */
  hasWarned = false;
  /** Pages that were in the back/forward cache for longer than the host waits. */
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

  /** Makes a callback that must be called once, if its client lives. */
  call(client: string, what: string): (error?: Error | null) => void {
    const call: Call = {client, what, callbacks: []};
    this.calls.push(call);
    return error => void call.callbacks.push(error);
  }

  /** Notes the words that a client shows. */
  show(client: string, data: unknown): void {
    for (const [, number] of JSON.stringify(data ?? null).matchAll(WORD)) {
      const written = this.written[Number(number)];
      if (written && written.writer !== client) written.shownTo.add(client);
    }
  }
}
