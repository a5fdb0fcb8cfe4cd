import {expect} from 'chai';
import Backend from 'sharedb';
import {createElement} from 'react';
import {renderToString} from 'react-dom/server';
import {createConnection} from '../../lib/index.js';
import {ConnectionProvider, useDoc, useStatus} from '../../lib/react.js';
import {startShareDBServer} from '../server/sharedb-server.js';
import {until} from '../waiting/until.js';

describe('a server that renders pages', () => {
  it('opens no socket, and renders what a browser renders first', async () => {
    const server = await startShareDBServer();
    const path = '/rendered';
    const connection = createConnection({
      url: server.url + path, sharedWorker: () => { throw new Error('there are no shared workers here'); }
    });
    const Page = (): unknown => {
      const {data, isLoading} = useDoc('notes', 'one');
      const {state, hostState} = useStatus();
      return [String(data), String(isLoading), state, hostState].join();
    };
    const html = renderToString(createElement(ConnectionProvider, {connection, children: createElement(Page as () => never)}));
    expect(html).to.equal('undefined,true,connecting,connecting');
    connection.get('notes', 'two').subscribe(() => {});
    // Another connection sends a request and gets the answer in this time.
    const other = createConnection(new Backend());
    await other.get('notes', 'one').subscribe();
    expect(server.sockets(path)).to.eql({open: 0, total: 0});
    expect([connection.mode, connection.hostState]).to.eql([undefined, 'connecting']);
    connection.close();
    other.close();
    await server.close();
  });

  it('connects where it is given a backend', async () => {
    const backend = new Backend();
    const connection = createConnection(backend);
    const doc = connection.get('notes', 'one');
    await doc.subscribe();
    await doc.create({n: 1});
    await until('it is direct', () => connection.mode === 'direct');
    expect(doc.data).to.eql({n: 1});
    connection.close();
  });
});
