import {expect} from 'chai';
import Backend from 'sharedb';
import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import {Suspense, createElement} from 'react';
import {renderToPipeableStream, renderToString} from 'react-dom/server';
import {createConnection} from '../../lib/index.js';
import {ConnectionProvider, useDoc, useQuery, useStatus} from '../../lib/react.js';
import {GRACE_MS} from '../../lib/react/connection-observers.js';
import {startShareDBServer} from '../server/sharedb-server.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';

describe('a server that renders pages', () => {
  it('opens no socket, and renders the same as a browser\'s first render', async () => {
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

  it('leaves parts that wait for data to the browser, with a reason', async () => {
    const connection = createConnection({url: 'ws://localhost:1'});
    const Note = (): never => useDoc('notes', 'one', {suspense: true}).data as never;
    const Notes = (): never => useQuery('notes', {}, {suspense: true}).results as never;
    const part = (Content: () => never, key: number): unknown => createElement(Suspense, {key, fallback: 'waiting '}, createElement(Content));
    const errors: string[] = [];
    const html = await new Promise<string>(resolve => {
      const {pipe} = renderToPipeableStream(
        createElement(ConnectionProvider, {connection, children: [part(Note, 1), part(Notes, 2)] as never}),
        {onAllReady: () => resolve(text(pipe(new PassThrough()))), onError: error => void errors.push((error as Error).message)}
      );
    });
    expect(html.match(/waiting/g)).to.have.length(2);
    expect(errors).to.have.length(2);
    for (const message of errors) expect(message).to.include('pass a ShareDB backend to createConnection');
    connection.close();
  });

  it('does not keep the documents that it has rendered', async () => {
    const clock = new HandClock();
    const connection = createConnection({url: 'ws://localhost:1', clock} as never);
    const Note = (): never => String(useDoc('notes', 'one').isLoading) as never;
    expect(renderToString(createElement(ConnectionProvider, {connection, children: createElement(Note)}))).to.equal('true');
    expect(connection.getExisting('notes', 'one')).not.to.equal(undefined);
    clock.pass(GRACE_MS);
    await until('it is let go of', () => !connection.getExisting('notes', 'one'));
    connection.close();
  });

  it('connects if it gets a backend', async () => {
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
