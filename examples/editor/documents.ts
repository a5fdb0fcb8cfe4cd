/** The first documents of the example's server. */
import type ShareDB from 'sharedb';

const line = (text: string, attributes?: object) => [
  {insert: text},
  attributes ? {insert: '\n', attributes} : {insert: '\n'}
];
const bullet = (text: string) => line(text, {list: 'bullet'});

const seeds = [
  {
    id: 'welcome',
    title: 'Welcome',
    text: [
      ...line('One socket, many tabs', {header: 1}),
      ...line('Each tab of this page is connected to a SharedWorker, and only the worker is connected to the server. Try it:'),
      ...line('Open another tab and type: both show it at once, and the strip below still counts one WebSocket.', {list: 'ordered'}),
      ...line('Open a different document there. It uses the same WebSocket.', {list: 'ordered'}),
      ...line('Stop the server (press s in its terminal) and type on, in both tabs. They show each other’s changes.', {list: 'ordered'}),
      ...line('Start it again (s once more): what you wrote is sent.', {list: 'ordered'}),
      ...line('Add ?direct to the address to see a tab with a socket of its own.', {list: 'ordered'})
    ]
  },
  {
    id: 'meeting',
    title: 'Meeting notes',
    text: [
      ...line('Thursday, ten o’clock', {header: 2}),
      ...bullet('What is done'),
      ...bullet('What is next'),
      ...bullet('Who does it')
    ]
  },
  {
    id: 'scratch',
    title: 'Scratch pad',
    text: line('Nothing here is precious.')
  }
];

/** Creates the list and its documents, unless they exist. */
export async function seed(backend: ShareDB): Promise<void> {
  const connection = backend.connect();
  const create = (collection: string, id: string, data: unknown, type: string) =>
    new Promise<void>((resolve, reject) => {
      const doc = connection.get(collection, id);
      doc.fetch((error) => {
        if (error) return reject(error);
        // A deleted document has a version, and stays deleted.
        if (doc.version) return resolve();
        doc.create(data, type, (failure) => (failure ? reject(failure) : resolve()));
      });
    });
  for (const {id, text} of seeds) await create('documents', id, text, 'rich-text');
  const documents = seeds.map(({id, title}) => ({id, title}));
  await create('lists', 'main', {documents}, 'json0');
  connection.close();
}
