import {openDB} from 'idb';
import {openBareStore} from './bare-store.js';
import {connectTab, startBareWorker} from './connect.js';
import {now} from './now.js';

export interface Source {
  namespace: string;
  url: string;
  ids: string[];
}

/** Opens all documents while the server is reachable, so that they are stored. */
export async function storeDocuments({namespace, url, ids}: Source): Promise<void> {
  const connection = connectTab(namespace, url);
  await connection.getBulk('bench', ids);
  await connection.flushWrites();
}

/** Copies the same bytes to a plain store, which the page and the worker each read. */
export async function copyToBareStore(namespace: string): Promise<{records: number; chars: number}> {
  const stored = await openDB(`sharedb-tabs:${namespace}`);
  const checkpoints = await stored.getAll('checkpoints') as {c: string; d: string; checkpoint: string}[];
  stored.close();
  const bare = await openBareStore(namespace);
  const transaction = bare.transaction('records', 'readwrite');
  for (const {c, d, checkpoint} of checkpoints) void transaction.store.put({n: 0, record: checkpoint}, [c, d, 0]);
  await transaction.done;
  bare.close();
  return {records: checkpoints.length, chars: checkpoints.reduce((sum, {checkpoint}) => sum + checkpoint.length, 0)};
}

export interface Read {
  ms: number;
  /** The data that was read, to be checked. */
  bodies: string[];
}

export async function readBare(namespace: string): Promise<Read> {
  const start = now();
  const store = await openBareStore(namespace);
  const records = await store.getAll('records');
  return {ms: now() - start, bodies: bodiesOf(records.map(({record}) => record))};
}

export async function readInBareWorker(namespace: string): Promise<Read> {
  const start = now();
  const records = await new Promise<string[]>(resolve => {
    startBareWorker(namespace).port.onmessage = ({data}) => resolve(data as string[]);
  });
  return {ms: now() - start, bodies: bodiesOf(records)};
}

/** `host`: ms until the host answered; `documents`: ms from then until all documents showed their data. */
export async function readDocuments({namespace, url, ids}: Source): Promise<Read & {host: number; documents: number}> {
  const start = now();
  const connection = connectTab(namespace, url);
  let connected = 0;
  connection.on('hostState', state => { if (state === 'connected') connected ||= now(); });
  const docs = await connection.getBulk<{body: string}>('bench', ids);
  const end = now();
  return {ms: end - start, host: connected - start, documents: end - connected, bodies: docs.map(doc => doc.data!.body)};
}

function bodiesOf(records: string[]): string[] {
  return records.map(record => (JSON.parse(record) as {data: {body: string}}).data.body);
}
