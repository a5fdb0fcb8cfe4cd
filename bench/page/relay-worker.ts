import {openBareStore, put} from './bare-store.js';

/** What a page has to say to the others. */
export interface Relayed {
  n: number;
  record: string;
}

/** Between pages with nothing around it: what one posts on its port is put into IndexedDB, then posted to the others. */
const ports: MessagePort[] = [];
const bare = openBareStore('relay');

(globalThis as unknown as {onconnect: (event: {ports: readonly MessagePort[]}) => void}).onconnect = ({ports: [page]}) => {
  ports.push(page!);
  page!.onmessage = async ({data: {n, record}}: MessageEvent<Relayed>) => {
    await put(await bare, 'relay', n, record);
    for (const port of ports) if (port !== page) port.postMessage(n);
  };
};
