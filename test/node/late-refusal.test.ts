import {expect} from 'chai';
import richText from 'rich-text';
import Backend from 'sharedb';
import {types} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {calm} from '../store/clock.js';
import {until} from '../waiting/until.js';

interface Note {
  words: string[];
}

describe('a refusal of an op that the server has accepted before', () => {
  it('takes back no op that was sent since', async () => {
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

describe('a refusal of an op that is sent again meanwhile', () => {
  it('takes nothing back if the server accepts the op this time', async () => {
    const backend = new Backend({errorHandler: () => {}} as never);
    types.register(richText.type as never);
    await new Promise<void>(resolve => backend.connect().get('notes', 'one').create([{insert: '\n'}], richText.type.uri, () => resolve()));
    const server = backend.connect();
    const channel = memoryChannels();
    const host = new Host({connection: server, channel, store: false});
    const tabs = [new ProxyConnection({channel}), new ProxyConnection({channel})];
    const [mine, other] = tabs.map(tab => tab.get('notes', 'one')) as [ProxyDoc, ProxyDoc];
    await Promise.all([mine.subscribe(), other.subscribe()]);
    let isStrict = true;
    let take: (() => void) | undefined;
    backend.use('submit', (_context, next) => {
      if (isStrict) next(Object.assign(new Error('No'), {code: 'ERR_NO'}));
      else take = next;
    });
    // The host requests the state to take the op back. The network is lost before the answer arrives.
    const asked: (() => void)[] = [];
    let isSlow = true;
    backend.use('readSnapshots', (_context, next) => { if (isSlow) asked.push(next); else next(); });
    const edit = mine.submitOp({ops: [{insert: 'new'}, {retain: 1, attributes: {bold: true}}]});
    await until('the host asks for the state', () => asked.length === 1);
    isStrict = false;
    server.close();
    backend.connect(server);
    await until('the host asks again, and sends the op', () => asked.length === 2 && !!take);
    isSlow = false;
    for (const next of asked) next();
    await calm();
    take!();
    await edit;
    const remote = backend.connect().get('notes', 'one');
    await new Promise(resolve => remote.fetch(resolve));
    await until('the tabs are where the server is', () => [mine, other].every(({version}) => version === remote.version));
    for (const {data} of [mine, other]) expect(JSON.stringify(data)).to.equal(JSON.stringify(remote.data));
    for (const tab of tabs) tab.close();
    host.close();
  });
});
