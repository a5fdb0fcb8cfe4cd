import {ReactStage} from './stage.js';
import {expect} from 'chai';
import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import {Suspense, createElement as h, lazy, useEffect, type ReactNode} from 'react';
import {hydrateRoot} from 'react-dom/client';
import {renderToPipeableStream, renderToString} from 'react-dom/server';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {
  ConnectionProvider, useDeadLetters, useDoc, usePresence, useQuery, useSaved, useSaveState, useStatus
} from '../../lib/react.js';
import {until} from '../waiting/until.js';

type Board = {title: string};

const inProvider = (connection: ProxyConnection, content: ReactNode): ReactNode => h(ConnectionProvider, {connection}, content);

/** What a server sends: all of it, with the results of what it has waited for. */
async function stream(connection: ProxyConnection, content: ReactNode): Promise<string> {
  forgetRenderer(connection);
  const html = await new Promise<string>((resolve, reject) => {
    const {pipe} = renderToPipeableStream(inProvider(connection, content), {
      onAllReady: () => resolve(text(pipe(new PassThrough()))),
      onError: reject
    });
  });
  forgetRenderer(connection);
  return html;
}

/** React notes in a context which renderer uses it, and warns about two in one process. Elsewhere these are two processes. */
function forgetRenderer(connection: ProxyConnection): void {
  const {type} = ConnectionProvider({connection}) as unknown as {type: {_context?: object}};
  Object.assign(type._context ?? type, {_currentRenderer: null});
}

/** Loads a document for all components, and shows nothing. */
function Loader({id}: {id: string}): null {
  useDoc('boards', id);
  return null;
}

function Title({id = 'one', suspense = false}: {id?: string; suspense?: boolean}): ReactNode {
  const {data, isLoading} = useDoc<Board>('boards', id, {suspense});
  return h('p', null, isLoading ? 'loading' : data?.title);
}

describe('hydration', () => {
  let stage: ReactStage;
  let connection: ProxyConnection;
  let doc: ProxyDoc<Board>;
  let complaints: unknown[];
  let container: HTMLElement;
  const cleanups: (() => void)[] = [];

  beforeEach(async () => {
    stage = new ReactStage();
    connection = stage.connect();
    const other = stage.connect();
    doc = other.get<Board>('boards', 'one');
    await doc.create({title: 'Plan'});
    complaints = [];
    container = document.createElement('div');
    document.body.append(container);
    const {error} = console;
    console.error = (...told: unknown[]) => void complaints.push(told);
    cleanups.push(() => { console.error = error; });
  });
  afterEach(() => {
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
    container.remove();
    stage.close();
  });

  /** As a page does whose app starts when all of this is there already. */
  function hydrate(html: string, content: ReactNode): void {
    container.innerHTML = html;
    const root = hydrateRoot(container, content, {onRecoverableError: error => complaints.push(error)});
    cleanups.push(() => root.unmount());
  }

  const shows = (shown: string): Promise<void> => until(`it shows ${shown}`, () => container.textContent === shown)
    .catch((error: Error) => { throw new Error(`${error.message}; it shows ${container.textContent}`); });

  it('matches the output of the server, although documents, queries, presence and edits arrive before it', async () => {
    function All(): ReactNode {
      const board = useDoc<Board>('boards', 'one', {select: ({title}: Board) => ({title}) as Board});
      const boards = useQuery<Board>('boards', {});
      const {presences} = usePresence('people');
      const {hostState, tabs} = useStatus();
      const {letters} = useDeadLetters();
      const states = [useSaved(board.doc), useSaved(), useSaveState(board.doc), useSaveState()];
      return h('p', null, [
        board.isLoading, board.data?.title, boards.isLoading, boards.results.length, Object.values(presences).join(), hostState, tabs > 0, letters.length,
        ...states
      ].join());
    }
    const html = renderToString(inProvider(stage.connect(), h(All)));
    expect(container.textContent).to.equal('');
    const view = stage.render(connection, h(All));
    const own = stage.connect().getPresence('people').create('ann');
    await view.shows('false,Plan,false,1,,connected,true,0,true,true,saved,saved');
    own.submit('Ann');
    await view.shows('false,Plan,false,1,Ann,connected,true,0,true,true,saved,saved');
    // The server has not got this edit when the page is hydrated.
    stage.backend.use('submit', () => {});
    void connection.get('boards', 'one').submitOp([{p: ['title'], od: 'Plan', oi: 'Mine'}]);
    await view.shows('false,Mine,false,1,Ann,connected,true,0,false,false,unsaved,unsaved');
    hydrate(html, inProvider(connection, h(All)));
    const before = container.querySelector('p');
    await shows('false,Mine,false,1,Ann,connected,true,0,false,false,unsaved,unsaved');
    expect(complaints).to.eql([]);
    expect(container.querySelector('p')).to.equal(before);
  });

  it('matches it in a part of the page whose code arrives after the documents', async () => {
    let arrive!: () => void;
    const arrived = new Promise<void>(resolve => { arrive = resolve; });
    const LateOnClient = lazy(() => arrived.then(() => ({default: Title})));
    const page = (Late: typeof LateOnClient | typeof Title): ReactNode => [
      h(Loader, {id: 'one', key: 1}), h(Suspense, {fallback: 'waiting', key: 2}, h(Late as typeof Title))
    ];
    const html = renderToString(inProvider(stage.connect(), page(Title)));
    hydrate(html, inProvider(connection, page(LateOnClient)));
    await until('the document is there', () => connection.getExisting('boards', 'one')?.data !== undefined);
    arrive();
    await shows('Plan');
    expect(complaints).to.eql([]);
  });

  it('shows data that the server has waited for until the browser has them, if components suspend', async () => {
    const states: string[] = [];
    const Seen = ({id, suspense}: {id: string; suspense: boolean}): ReactNode => {
      useEffect(() => { states.push(container.textContent!); });
      return h(Title, {id, suspense});
    };
    function Titles(): ReactNode {
      return useQuery<Board>('boards', {}, {suspense: true}).results.map(({title}) => h('i', {key: title}, title));
    }
    const page = h(Suspense, {fallback: 'waiting'}, h(Seen, {id: 'one', suspense: true}), h(Titles));
    const html = await stream(stage.connect(), page);
    expect(html).to.include('<p>Plan</p>').and.to.include('<i>Plan</i>');
    hydrate(html, inProvider(connection, page));
    const before = container.querySelector('p');
    await until('it is hydrated', () => states.length > 0);
    expect(states).to.eql(['PlanPlan']);
    expect(container.querySelector('p')).to.equal(before);
    await doc.submitOp([{p: ['title'], od: 'Plan', oi: 'Next'}]);
    await shows('NextNext');
    expect(complaints).to.eql([]);
  });
});
