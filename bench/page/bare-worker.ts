import {openBareStore} from './bare-store.js';

/** Reads all records and posts them. It is the least work for a worker with a store. */
const {name} = globalThis as unknown as {name: string};

(globalThis as unknown as {onconnect: unknown}).onconnect = async ({ports: [port]}: {ports: MessagePort[]}) => {
  const store = await openBareStore(name);
  port!.postMessage((await store.getAll('records')).map(({record}) => record));
};
