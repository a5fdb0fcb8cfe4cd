import {openBareStore} from './bare-store.js';

/** Answers ShareDB's own client from a plain IndexedDB store. It is the least work for a page that gets documents from a worker. */
const {name} = globalThis as unknown as {name: string};

interface Request {
  a: string;
  c: string;
  /** Ids, or versions by id. */
  b: string[] | Record<string, unknown>;
}

/** The JSON of each document's snapshot, by id. */
async function readSnapshots(): Promise<Map<string, string>> {
  const store = await openBareStore(name);
  const [keys, records] = await Promise.all([store.getAllKeys('records'), store.getAll('records')]);
  return new Map(records.map(({record}, i) => [keys[i]![1], record]));
}

const snapshots = readSnapshots();

async function answer({a, c, b}: Request): Promise<string> {
  if (a === 'hs') return JSON.stringify({a, protocol: 1, protocolMinor: 2, id: 'page', type: 'http://sharejs.org/types/JSONv0'});
  const known = await snapshots;
  const data = (Array.isArray(b) ? b : Object.keys(b)).map(id => `${JSON.stringify(id)}:${known.get(id)}`);
  return `{"a":${JSON.stringify(a)},"c":${JSON.stringify(c)},"data":{${data.join()}}}`;
}

(globalThis as unknown as {onconnect: unknown}).onconnect = ({ports: [port]}: {ports: MessagePort[]}) => {
  port!.onmessage = async ({data}: MessageEvent<string>) => port!.postMessage(await answer(JSON.parse(data) as Request));
};
