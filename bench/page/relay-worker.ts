import {openBareStore, put} from './bare-store.js';

/** A message of one page to the others. */
export interface Relayed {
  n: number;
  record: string;
}

/** A plain relay between pages: it puts each message into IndexedDB and then posts it to the other ports. */
const ports: MessagePort[] = [];
const bare = openBareStore('relay');

(globalThis as unknown as {onconnect: (event: {ports: readonly MessagePort[]}) => void}).onconnect = ({ports: [page]}) => {
  ports.push(page!);
  page!.onmessage = async ({data: {n, record}}: MessageEvent<Relayed>) => {
    await put(await bare, 'relay', n, record);
    for (const port of ports) if (port !== page) port.postMessage(n);
  };
};
