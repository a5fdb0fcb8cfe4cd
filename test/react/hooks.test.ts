import {ReactStage, type View} from './stage.js';
import {expect} from 'chai';
import richText from 'rich-text';
import client from 'sharedb/lib/client/index.js';
import {Component, Suspense, createElement as h, memo, version, type ReactNode} from 'react';
import {hydrateRoot} from 'react-dom/client';
import {renderToString} from 'react-dom/server';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {
  ConnectionProvider, useConnection, useDeadLetters, useDoc, useDocPresence, usePresence, useQuery, useSaved, useSaveState, useStatus
} from '../../lib/react.js';
import {until} from '../waiting/until.js';

client.types.register(richText.type);

type Board = {title: string; cards: {name: string; done: boolean}[]};

const board = (): Board => ({title: 'Plan', cards: [{name: 'a', done: false}, {name: 'b', done: false}]});

describe('React hooks', () => {
  let stage: ReactStage;
  let connection: ProxyConnection;
  let other: ProxyConnection;
  let doc: ProxyDoc<Board>;

  beforeEach(async () => {
    stage = new ReactStage();
    connection = stage.connect();
    other = stage.connect();
    doc = other.get<Board>('boards', 'one');
    await doc.subscribe();
    await doc.create(board());
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  /** The server answers only when the function that this returns is called. */
  function holdBack(action: 'readSnapshots' | 'query'): () => void {
    let release!: () => void;
    const released = new Promise<void>(resolve => { release = resolve; });
    stage.backend.use(action, (_context, next) => void released.then(() => next()));
    return release;
  }

  function Title(): ReactNode {
    const {data, isLoading, error} = useDoc<Board>('boards', 'one');
    return isLoading ? 'loading' : error ? error.message : (data?.title ?? 'none');
  }

  describe('useDoc', () => {
    it('shows a document, and the edits of others', async () => {
      const view = stage.render(connection, h(Title));
      await view.shows('Plan');
      await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]);
      await view.shows('Next');
      await doc.del();
      await view.shows('none');
      await doc.create({title: 'Again', cards: []});
      await view.shows('Again');
    });

    it('stays subscribed in StrictMode, where each component is mounted twice', async () => {
      const view = stage.render(connection, h(Title));
      await view.shows('Plan');
      expect(connection.get('boards', 'one').subscribed).to.equal(true);
    });

    it('shows an op of its own in the same turn, so that a controlled field keeps its caret', async () => {
      let own!: ProxyDoc<Board>;
      function Own(): ReactNode {
        const {data, doc} = useDoc<Board>('boards', 'one');
        // Typed as a document: an id was given.
        own = doc;
        return data?.title;
      }
      const view = stage.render(connection, h(Own));
      await view.shows('Plan');
      void own.submitOp([{p: ['title'], od: 'Plan', oi: 'Mine'}]);
      await Promise.resolve();
      await Promise.resolve();
      expect(view.text).to.equal('Mine');
    });

    it('renders only changed parts', async () => {
      const renders: string[] = [];
      const Card = memo(({card}: {card: Board['cards'][number]}) => {
        renders.push(card.name);
        return `${card.name}${card.done ? '!' : ''} `;
      });
      function Cards(): ReactNode {
        return useDoc<Board>('boards', 'one').data?.cards.map((card, index) => h(Card, {card, key: index}));
      }
      const view = stage.render(connection, h(Cards));
      await view.shows('a b ');
      renders.length = 0;
      await doc.submitOp([{p: ['cards', 1, 'done'], od: false, oi: true}]);
      await view.shows('a b! ');
      expect(new Set(renders)).to.eql(new Set(['b']));
    });

    it('renders again only when the value of `select` has changed', async () => {
      let renders = 0;
      function Done(): ReactNode {
        renders++;
        const {data} = useDoc('boards', 'one', {select: ({cards}: Board) => cards.filter(({done}) => done).map(({name}) => name)});
        return data ? data.join() || 'nothing' : 'loading';
      }
      const view = stage.render(connection, [h(Done, {key: 1}), h(Title, {key: 2})]);
      await view.shows('nothingPlan');
      const before = renders;
      await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]);
      await view.shows('nothingNext');
      expect(renders).to.equal(before);
      await doc.submitOp([{p: ['cards', 0, 'done'], od: false, oi: true}]);
      await view.shows('aNext');
    });

    it('shows another document when the id changes, and nothing if it is null', async () => {
      const second = other.get<Board>('boards', 'two');
      await second.create({title: 'Second', cards: []});
      const Named = ({id}: {id: string | null}): ReactNode => {
        const {data, doc, isLoading} = useDoc<Board>('boards', id);
        return isLoading ? 'loading' : (data?.title ?? (doc ? 'none' : 'no document'));
      };
      const view = stage.render(connection, h(Named, {id: null}));
      await view.shows('no document');
      view.show(h(Named, {id: 'one'}));
      await view.shows('Plan');
      view.show(h(Named, {id: 'two'}));
      await view.shows('Second');
    });

    it('returns the error of a document that can\'t be read', async () => {
      stage.backend.use('readSnapshots', (context, next) => {
        next(context.snapshots.some(({id}) => id === 'secret') ? new Error('Forbidden') : undefined);
      });
      const atServer = stage.backend.connect().get('boards', 'secret');
      await new Promise<void>((resolve, reject) => atServer.create({title: 'x'}, error => (error ? reject(error) : resolve())));
      function Secret(): ReactNode {
        const {error, isLoading} = useDoc('boards', 'secret', {fetch: true});
        return isLoading ? 'loading' : error?.message;
      }
      await stage.render(connection, h(Secret)).shows('Forbidden');
    });

    it('suspends until the document is loaded', async () => {
      // The host would answer with a document that a tab has.
      const atServer = stage.backend.connect().get('boards', 'late');
      await new Promise<void>((resolve, reject) => atServer.create(board(), error => (error ? reject(error) : resolve())));
      function Suspending(): ReactNode {
        return useDoc<Board>('boards', 'late', {suspense: true}).data!.title;
      }
      const release = holdBack('readSnapshots');
      const view = stage.render(connection, h(Suspense, {fallback: 'waiting'}, h(Suspending)));
      await view.shows('waiting');
      release();
      await view.shows('Plan');
      atServer.submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]);
      await view.shows('Next');
    });

    it('throws an error to the error boundary if it suspends', async () => {
      stage.backend.use('readSnapshots', (_context, next) => next(new Error('Forbidden')));
      function Suspending(): ReactNode {
        useDoc('boards', 'forbidden', {suspense: true, fetch: true});
        return 'never';
      }
      class Boundary extends Component<{children: ReactNode}, {error?: Error}> {
        override state: {error?: Error} = {};
        static getDerivedStateFromError(error: Error): {error: Error} {
          return {error};
        }
        override render(): ReactNode {
          return this.state.error?.message ?? this.props.children;
        }
      }
      await stage.render(connection, h(Boundary, null, h(Suspense, {fallback: '…'}, h(Suspending)))).shows('Forbidden');
    });

    it('shares one subscription among components, and ends it some time after the last was unmounted', async () => {
      const view = stage.render(connection, [h(Title, {key: 1}), h(Title, {key: 2})]);
      await view.shows('PlanPlan');
      view.show(h(Title, {key: 2}));
      await view.shows('Plan');
      view.show(null);
      expect(connection.getExisting('boards', 'one')).not.to.equal(undefined);
      await until('the document is let go of', () => {
        stage.endGracePeriods();
        return !connection.getExisting('boards', 'one');
      });
      view.show(h(Title));
      await view.shows('Plan');
    });

    it('does not destroy a document that the app listens to', async () => {
      const own = connection.get<Board>('boards', 'one');
      let ops = 0;
      own.on('op', () => ops++);
      await own.subscribe();
      const view = stage.render(connection, h(Title));
      await view.shows('Plan');
      view.unmount();
      await until('nothing of React listens any more', () => {
        stage.endGracePeriods();
        return own.listenerCount('op') === 1;
      });
      await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]);
      await until('the app hears of the op', () => ops === 1);
    });
  });

  describe('useQuery', () => {
    function Titles(): ReactNode {
      const {results, isLoading} = useQuery<Board>('boards', {});
      return isLoading ? 'loading' : results.map(({title}) => title).sort().join();
    }

    it('shows results, and follows their set and their content', async () => {
      const view = stage.render(connection, h(Titles));
      await view.shows('Plan');
      await other.get<Board>('boards', 'two').create({title: 'Second', cards: []});
      await view.shows('Plan,Second');
      await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'First'}]);
      await view.shows('First,Second');
      await doc.del();
      await view.shows('Second');
    });

    it('keeps the results that have not changed', async () => {
      await other.get<Board>('boards', 'two').create({title: 'Second', cards: []});
      const seen: (readonly Board[])[] = [];
      function Seeing(): ReactNode {
        const {results} = useQuery<Board>('boards', {});
        seen.push(results);
        return results.map(({title}) => title).sort().join();
      }
      const view = stage.render(connection, h(Seeing));
      await view.shows('Plan,Second');
      const second = seen.at(-1)!.find(({title}) => title === 'Second');
      await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'First'}]);
      await view.shows('First,Second');
      expect(seen.at(-1)!.find(({title}) => title === 'Second')).to.equal(second);
    });

    it('returns the error of a query that is refused', async () => {
      stage.backend.use('query', (_context, next) => next(new Error('No queries')));
      function Refused(): ReactNode {
        const {error, isLoading} = useQuery('boards', {});
        return isLoading ? 'loading' : error?.message;
      }
      await stage.render(connection, h(Refused)).shows('No queries');
    });

    it('fetches once with the option `fetch`', async () => {
      function Fetched(): ReactNode {
        const {results, isLoading} = useQuery<Board>('boards', {}, {fetch: true});
        return isLoading ? 'loading' : String(results.length);
      }
      await stage.render(connection, h(Fetched)).shows('1');
    });

    it('returns the additional result of the database', async () => {
      const db = stage.backend.db as unknown as {query(...args: unknown[]): void};
      const query = db.query.bind(db);
      db.query = (...args) => {
        const callback = args.pop() as (error: unknown, snapshots: unknown[], extra: unknown) => void;
        query(...args, (error: unknown, snapshots: unknown[]) => callback(error, snapshots, {count: snapshots?.length}));
      };
      function Count(): ReactNode {
        const {extra, isLoading} = useQuery('boards', {}, {fetch: true});
        return isLoading ? 'loading' : String((extra as {count: number}).count);
      }
      await stage.render(connection, h(Count)).shows('1');
    });

    it('suspends until the first results have arrived', async () => {
      function Suspending(): ReactNode {
        const {results, isLoading} = useQuery<Board>('boards', {}, {suspense: true});
        return `${isLoading} ${results.map(({title}) => title).join()}`;
      }
      const release = holdBack('query');
      const view = stage.render(connection, h(Suspense, {fallback: 'waiting'}, h(Suspending)));
      await view.shows('waiting');
      release();
      await view.shows('false Plan');
    });
  });

  it('usePresence shows the values of others, until they leave', async () => {
    function Names({name}: {name: string}): ReactNode {
      const {presences, submit} = usePresence<{name: string}>('people');
      return h('button', {onClick: () => void submit({name})}, Object.values(presences).map(({name}) => name).join());
    }
    const ours = stage.render(connection, h(Names, {name: 'Ann'}));
    const theirs = stage.render(other, h(Names, {name: 'Bob'}));
    await until('both are subscribed', () => [connection, other].every(tab => tab.getPresence('people').subscribed));
    theirs.button.click();
    await ours.shows('Bob');
    expect(theirs.text).to.equal('');
    theirs.unmount();
    await ours.shows('');
  });

  it('usePresence shows nothing of an unmounted component', async () => {
    let submitLate: ((value: {name: string}) => Promise<void>) | undefined;
    function Name(): ReactNode {
      const {submit} = usePresence<{name: string}>('people');
      submitLate = submit;
      return h('button', {onClick: () => void submit({name: 'Bob'})});
    }
    const theirs = stage.render(other, h(Name));
    await until('it is subscribed', () => other.getPresence('people').subscribed);
    theirs.button.click();
    await until('it shows a value', () => Object.keys(other.getPresence('people').localPresences).length === 1);
    theirs.unmount();
    const shown = (): string[] => Object.keys(other.getPresence('people').localPresences);
    await until('the value is withdrawn', () => shown().length === 0);
    await submitLate!({name: 'late'});
    expect(shown()).to.eql([]);
  });

  it('usePresence returns the error of a channel that can\'t be followed', async () => {
    const pubsub = stage.backend.pubsub as unknown as {subscribe(channel: string, callback: (error: Error) => void): void};
    pubsub.subscribe = (_channel, callback) => callback(new Error('No channels'));
    function Failing(): ReactNode {
      return usePresence('people').error?.message;
    }
    await stage.render(connection, h(Failing)).shows('No channels');
  });

  it('useDocPresence shows selections, which ops move', async () => {
    const text = other.get('texts', 'one');
    await text.create([{insert: 'Hello'}], 'rich-text');
    function Selecting(): ReactNode {
      useDoc('texts', 'one');
      const {presences, submit} = useDocPresence<{index: number; length: number}>('texts', 'one');
      return h('button', {onClick: () => void submit({index: 2, length: 1})}, Object.values(presences).map(({index}) => index).join());
    }
    const ours = stage.render(connection, h(Selecting));
    const theirs = stage.render(other, h(Selecting));
    await until('both are subscribed', () =>
      [connection, other].every(tab => tab.getDocPresence('texts', 'one').subscribed && tab.get('texts', 'one').subscribed));
    theirs.button.click();
    await ours.shows('2');
    await text.submitOp([{insert: 'Oh. '}]);
    await ours.shows('6');
  });

  it('useSaved, useSaveState and useStatus show what the server has not acknowledged', async () => {
    let release: () => void = () => {};
    stage.backend.use('submit', (_context, next) => { release = () => next(); });
    function Saving(): ReactNode {
      const {doc, isLoading} = useDoc<Board>('boards', 'one');
      const {pendingOps, hostState} = useStatus();
      const states = [useSaved(doc), useSaved(), hostState, pendingOps, useSaveState(doc), useSaveState()];
      // All is saved while the document loads, too: an op can be submitted only afterwards.
      return isLoading ? 'loading' : states.join();
    }
    const view = stage.render(connection, h(Saving));
    await view.shows('true,true,connected,0,saved,saved');
    void connection.get('boards', 'one').submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]);
    await view.shows('false,false,connected,1,unsaved,unsaved');
    await until('the server has the op', () => { release(); return view.text === 'true,true,connected,0,saved,saved'; });
  });

  /** Shows the list of dead letters with an op that the server refuses. @returns what the hook gave last, by `shown` */
  async function showRefused(): Promise<{view: View; shown: () => ReturnType<typeof useDeadLetters>}> {
    let letters!: ReturnType<typeof useDeadLetters>;
    function Letters(): ReactNode {
      letters = useDeadLetters();
      return letters.letters.map(({error}) => error.message).join();
    }
    const view = stage.render(connection, h(Letters));
    await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]).catch(() => {});
    await view.shows('Read only');
    return {view, shown: () => letters};
  }

  it('useDeadLetters lists refused ops, and removes discarded ones', async () => {
    stage.backend.use('submit', ({op}, next) => next(op.src && op.seq && 'op' in op ? new Error('Read only') : undefined));
    const {view, shown} = await showRefused();
    await shown().discard(shown().letters[0]!.id);
    await view.shows('');
  });

  it('useDeadLetters returns refused ops as JSON, and retries one', async () => {
    let isRefused = true;
    stage.backend.use('submit', ({op}, next) => next(isRefused && op.src && op.seq && 'op' in op ? new Error('Read only') : undefined));
    const {view, shown} = await showRefused();
    expect(JSON.parse(await shown().export())).to.eql(shown().letters);
    isRefused = false;
    await shown().retry(shown().letters[0]!.id);
    await view.shows('');
    await until('the op is made', () => doc.data.title === 'Next');
  });

  it('run on the version of React that the suite names', () => {
    expect(version.split('.')[0]).to.equal(process.env['REACT'] ?? '19');
  });

  it('useConnection throws an error that says what to do if there is no provider', () => {
    function Bare(): ReactNode {
      useConnection();
      return null;
    }
    expect(() => renderToString(h(Bare))).to.throw('<ConnectionProvider');
  });

  it('render on a server as loading', () => {
    const html = renderToString(h(ConnectionProvider, {connection: stage.connect()}, h(Title), h('hr')));
    expect(html).to.equal('loading<hr/>');
  });

  it('hydrate the output of a server, without a mismatch', async () => {
    function Title(): ReactNode {
      const {data, isLoading} = useDoc<Board>('boards', 'one');
      return h('p', null, isLoading ? 'loading' : data?.title);
    }
    const screen = (tab: ProxyConnection): ReactNode => h(ConnectionProvider, {connection: tab}, h(Title));
    const container = document.createElement('div');
    container.innerHTML = renderToString(screen(stage.connect()));
    expect(container.textContent).to.equal('loading');
    const complaints: unknown[] = [];
    const {error} = console;
    console.error = (...told: unknown[]) => void complaints.push(told);
    const root = hydrateRoot(container, screen(connection), {onRecoverableError: told => complaints.push(told)});
    try {
      await until('it shows the document', () => container.textContent === 'Plan');
      expect(complaints).to.eql([]);
    } finally {
      root.unmount();
      console.error = error;
    }
  });

  it('never show two states of a document in one screen', async () => {
    const screens = new Set<string>();
    const Slow = (): ReactNode => {
      const {data} = useDoc<Board>('boards', 'one');
      return `${data?.title};`;
    };
    const view: View = stage.render(connection, Array.from({length: 20}, (_, key) => h(Slow, {key})));
    await until('it is loaded', () => view.text.startsWith('Plan'));
    const observer = new window.MutationObserver(() => screens.add(view.text));
    observer.observe(document.body, {subtree: true, characterData: true, childList: true});
    for (let i = 0; i < 50; i++) void doc.submitOp([{p: ['title'], od: i ? `t${i - 1}` : 'Plan', oi: `t${i}`}]);
    await until('it has arrived', () => view.text.startsWith('t49'));
    observer.disconnect();
    for (const screen of screens) expect(new Set(screen.split(';').filter(Boolean)).size, screen).to.equal(1);
  });
});
