import {createConnection} from 'sharedb-tabs';
import {expose, service, type Remote} from 'sharedb-tabs/remote';
import type {Text, Words} from './words.js';

const element = <Element extends HTMLElement>(id: string): Element => document.getElementById(id) as Element;

const connection = createConnection({
  url: '/sharedb',
  mode: new URLSearchParams(location.search).has('direct') ? 'direct' : 'auto',
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'services'}),
  worker: () => new Worker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module'}),
  // Used if this page is the host itself.
  services: async () => {
    const {Words} = await import('./words.js');
    return {words: host => new Words(host)};
  }
});

const words: Remote<Words> = service<Words>(connection, 'words', {
  // These methods change nothing, so the next host may repeat them.
  idempotent: ['count', 'countSlowly', 'export'],
  // A new host does not have the callback of the page.
  onHost: next => void next.follow((count: number) => {
    element('count').textContent = String(count);
    return Promise.resolve();
  })
});

const doc = connection.get<Text>('texts', 'one');
const show = (): void => { element('text').textContent = doc.data?.lines.join('\n') ?? ''; };
for (const event of ['load', 'create', 'op'] as const) doc.on(event, show);

element<HTMLFormElement>('form').onsubmit = async event => {
  event.preventDefault();
  const input = element<HTMLInputElement>('line');
  const count = await words.add(input.value);
  // The document is as current as the answer.
  element('answer').textContent = `${count} words, ${doc.data!.lines.length} lines`;
  input.value = '';
};

element('export').onclick = async () => {
  const text = await new Response(await words.export()).text();
  element('exported').textContent = text;
};

connection.on('mode', mode => { element('mode').textContent = mode; });

// The worker may use the page's `document` and nothing else.
const badge = new Worker(new URL('./badge.worker.ts', import.meta.url), {type: 'module'});
expose({document}, badge);

await words.count();
await doc.subscribe();
show();
// For tests and for the console.
Object.assign(globalThis, {example: {connection, words, doc}});
element('state').textContent = 'ready';
