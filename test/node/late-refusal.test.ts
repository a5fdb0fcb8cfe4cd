import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

interface Note {
  words: string[];
}

describe('a refusal of an op that the server has taken before', () => {
  it('takes back nothing that was sent since', async () => {
    const backend = new Backend();
    const server = backend.connect();
    const channel = memoryChannels();
    const host = new Host({connection: server, channel});
    const tab = new ProxyConnection({channel});
    const sent: {seq: number; src: string; v: number}[] = [];
    let goOn = (): void => {};
    server.on('send', message => { if (message.a === 'op') sent.push(message as never); });
    const doc = tab.get<Note>('notes', 'one');
    await doc.create({words: []});
    await doc.submitOp([{p: ['words', 0], li: 'one'}]);
    backend.use('submit', (_context, next) => { goOn = next; });
    const edit = doc.submitOp([{p: ['words', 1], li: 'two'}]);
    await until('it is under way', () => sent.length === 3);
    (server as unknown as {handleMessage(message: object): void}).handleMessage({
      ...sent[1], a: 'op', c: 'notes', d: 'one', error: {code: 'ERR_DOC_DOES_NOT_EXIST', message: 'Document does not exist'}
    });
    goOn();
    await edit;
    expect(doc.data).to.eql({words: ['one', 'two']});
    const other = backend.connect().get('notes', 'one');
    await new Promise(resolve => other.fetch(resolve));
    expect(other.data).to.eql({words: ['one', 'two']});
    tab.close();
    host.close();
  });
});
