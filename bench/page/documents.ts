import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import {settled} from '../../test/waiting/settled.js';
import {type Way, connect, startWorker} from './connect.js';
import {now} from './now.js';

export interface Documents {
  way: Way;
  namespace: string;
  url: string;
  ids: string[];
  /** How long before it connects the page starts the worker, in ms. */
  early?: number;
}

let docs: Doc[] = [];

/** Connects and subscribes to documents in one request. Returns the ms until all are loaded. */
export async function subscribeAll(documents: Documents): Promise<number> {
  if (documents.early) {
    startWorker(documents.namespace);
    await new Promise(resolve => setTimeout(resolve, documents.early));
  }
  const start = now();
  const connection = connect(documents) as Connection & {startBulk(): void; endBulk(): void};
  docs = documents.ids.map(id => connection.get('bench', id));
  connection.startBulk();
  const all = docs.map(doc => settled(done => doc.subscribe(done)));
  connection.endBulk();
  await Promise.all(all);
  return now() - start;
}

/** The data of all documents, in order. */
export function shownDocuments(): unknown[] {
  return docs.map(({data}) => data as unknown);
}

/** The sum of the documents' versions: how many ops they have. */
export function shownVersions(): number {
  return docs.reduce((sum, {version}) => sum + (version ?? 0), 0);
}
