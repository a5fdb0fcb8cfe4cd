import {ReactStage} from './stage.js';
import {expect} from 'chai';
import {createElement as h, type ReactNode} from 'react';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {useDoc, usePresence, useQuery} from '../../lib/react.js';
import {until} from '../waiting/until.js';

interface Note {title: string}

describe('React hooks, as documented', () => {
  let stage: ReactStage;
  let connection: ProxyConnection;
  let other: ProxyConnection;
  let doc: ProxyDoc<Note>;

  beforeEach(async () => {
    stage = new ReactStage();
    connection = stage.connect();
    other = stage.connect();
    doc = other.get<Note>('notes', 'one');
    await doc.subscribe();
    await doc.create({title: 'first'});
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  it('useDoc loads a document once with `fetch`, and does not subscribe to it', async () => {
    function Fetched({id}: {id: string}): ReactNode {
      const {data, isLoading} = useDoc<Note>('notes', id, {fetch: true});
      return isLoading ? 'loading' : data?.title ?? 'none';
    }
    const view = stage.render(connection, h(Fetched, {id: 'one'}));
    await view.shows('first');
    expect(connection.get('notes', 'one').subscribed).to.equal(false);
    await doc.submitOp([{p: ['title'], od: 'first', oi: 'second'}]);
    // The host has sent everything to this tab that it sends before its answer.
    await connection.flushWrites();
    expect(view.text).to.equal('first');
  });

  it('useQuery loads its results once with `fetch`', async () => {
    function Fetched(): ReactNode {
      const {results, docs, isLoading, error} = useQuery<Note>('notes', {}, {fetch: true});
      return isLoading ? 'loading' : `${results.map(({title}) => title).join()} ${docs.map(({id}) => id).join()} ${String(error)}`;
    }
    const view = stage.render(connection, h(Fetched));
    await view.shows('first one undefined');
    await other.get<Note>('notes', 'two').create({title: 'second'});
    await connection.flushWrites();
    expect(view.text).to.equal('first one undefined');
  });

  it('useDoc shows nothing without an id, which may be undefined', async () => {
    const view = stage.render(connection, h(function Nothing(): ReactNode {
      return JSON.stringify(useDoc<Note>('notes', undefined), (_key, value: unknown) => value ?? null);
    }));
    await view.shows('{"data":null,"doc":null,"isLoading":false,"error":null}');
  });

  it('usePresence withdraws a value with null', async () => {
    let submit!: (value: {name: string} | null) => Promise<void>;
    function Names(): ReactNode {
      const presence = usePresence<{name: string}>('people');
      submit = value => presence.submit(value);
      return 'own';
    }
    function Others(): ReactNode {
      return Object.values(usePresence<{name: string}>('people').presences).map(({name}) => name).join() || 'nobody';
    }
    const theirs = stage.render(other, h(Others));
    await stage.render(connection, h(Names)).shows('own');
    await until('the other tab has subscribed', () => other.getPresence('people').subscribed);
    await submit({name: 'Ann'});
    await theirs.shows('Ann');
    await submit(null);
    await theirs.shows('nobody');
  });
});
