import type {DocState} from './doc/doc-state.js';
import {fallBack, resumptionOf, type ResumingDoc} from './doc/hand-over.js';

/** The documents with a revision that the next host may lack, because the current host has not written it yet. */
export class UnconfirmedDocs {
  private readonly docs = new Set<DocState>();
  private batch: number | undefined;
  /** Whether the host's store had failed when the host sent the batch that is being handled. */
  hostIsDown = false;

  /** A batch of the host is about to be handled. The content of all batches up to `durable` is durable. */
  begin(batch: number, durable: number, isDown: boolean): void {
    this.batch = durable < batch ? batch : undefined;
    this.hostIsDown = isDown;
    for (const doc of this.docs) if (doc.unconfirmed.confirm(durable)) this.docs.delete(doc);
  }

  /** A document gets a revision. @returns the number of the batch that is being handled, if another host may lack the revisions in it */
  note(doc: DocState): number | undefined {
    if (this.batch !== undefined) this.docs.add(doc);
    return this.batch;
  }

  /** The tab continues with a host. @returns the documents in `tab.resume` */
  resume(docs: readonly ResumingDoc[]): object[] {
    this.docs.clear();
    return docs.map(doc => {
      if (fallBack(doc)) this.docs.add(doc);
      return resumptionOf(doc);
    });
  }
}
