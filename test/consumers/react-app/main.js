import {StrictMode, createElement as h} from 'react';
import {createRoot} from 'react-dom/client';
import {createConnection} from 'sharedb-tabs';
import {ConnectionProvider, useDoc, usePresence, useQuery, useSaved, useStatus} from 'sharedb-tabs/react';

const connection = createConnection({
  url: new URLSearchParams(location.search).get('server'),
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.js', import.meta.url), {type: 'module', name: 'sharedb'})
});

function App() {
  const {data, doc, isLoading} = useDoc('examples', 'counter');
  const {results} = useQuery('examples', {});
  const {presences, submit} = usePresence('people');
  const {mode} = useStatus();
  const isSaved = useSaved();
  const line = (id, text) => h('p', {id, key: id}, text);
  const button = (id, onClick) => h('button', {id, key: id, onClick}, id);
  return [
    line('doc', isLoading ? 'loading' : data ? data.clicks : 'none'),
    line('query', results.map(({clicks}) => clicks).join()),
    line('presence', Object.values(presences).join()),
    line('saved', String(isSaved)),
    line('mode', mode),
    button('create', () => doc.create({clicks: 0})),
    button('add', () => doc.submitOp([{p: ['clicks'], na: 1}])),
    button('here', () => submit('here'))
  ];
}

createRoot(document.getElementById('root')).render(h(StrictMode, null, h(ConnectionProvider, {connection}, h(App))));
