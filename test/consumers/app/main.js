import richText from 'rich-text';
import client from 'sharedb/lib/client/index.js';
import {createConnection} from 'sharedb-tabs';

client.types.register(richText.type);

const connection = createConnection({
  url: new URLSearchParams(location.search).get('server'),
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.js', import.meta.url), {type: 'module', name: 'sharedb'})
});
const doc = connection.get('documents', 'greeting');
const element = id => document.getElementById(id);

const show = () => {
  element('text').textContent = doc.data.ops.map(op => op.insert).join('');
};
connection.on('mode', mode => {
  element('mode').textContent = mode;
});
doc.on('load', show);
doc.on('op', show);
doc.subscribe(error => {
  if (error) throw error;
});
element('write').addEventListener('click', () => doc.submitOp([{insert: element('words').value}]));
