import {openBareStore} from './bare-store.js';

/** Reads all that there is and hands it over: what no worker with a store can do without. */
const {name} = globalThis as unknown as {name: string};

(globalThis as unknown as {onconnect: unknown}).onconnect = async ({ports: [port]}: {ports: MessagePort[]}) => {
  const store = await openBareStore(name);
  port!.postMessage((await store.getAll('records')).map(({record}) => record));
};
