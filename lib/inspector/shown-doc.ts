import type {DocDataReport, HostReport} from '../protocol/report.js';

/** A document by its collection and id. */
export interface DocName {
  readonly collection: string;
  readonly id: string;
}

/** The document whose data the user has asked to see. */
export class ShownDoc {
  private chosen: DocName | undefined;
  private epoch: string | undefined;
  private isCurrent = false;
  private data: DocDataReport | undefined;

  is(doc: DocName): boolean {
    return this.chosen?.collection === doc.collection && this.chosen.id === doc.id;
  }

  get name(): DocName | undefined {
    return this.chosen;
  }

  /** The host's report; undefined before its answer, and if the host does not have the document open. */
  get report(): DocDataReport | undefined {
    return this.data;
  }

  /** Discards the present report. @param doc the document to show; undefined for none */
  choose(doc: DocName | undefined): void {
    this.chosen = doc && {collection: doc.collection, id: doc.id};
    this.data = undefined;
    this.isCurrent = false;
  }

  /**
   * The part of the next request that names the document. It is empty until the document has changed, because the host writes the document as
   * JSON for each report.
   */
  get request(): {doc?: DocName} {
    return this.chosen && !this.isCurrent ? {doc: this.chosen} : {};
  }

  note({epoch, docData, docList}: HostReport): void {
    if (!this.chosen) return;
    const entry = docList.find(doc => this.is(doc));
    if (docData && this.is(docData)) {
      this.data = docData;
      this.epoch = epoch;
    } else if (!entry) {
      this.data = undefined;
    }
    const {data} = this;
    this.isCurrent = data !== undefined && data.revision === entry?.revision && data.version === entry.version && this.epoch === epoch;
  }
}
