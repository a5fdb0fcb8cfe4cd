/** The page: combines list, title, editor and status strip. */
import type {Doc} from 'sharedb/lib/client/index.js';
import {askBeforeUnload} from 'sharedb-tabs';
import {connect} from './connect.js';
import {toOps} from './content.js';
import {Cursors} from './cursors.js';
import {DocumentList} from './document-list.js';
import {createEditor} from './editor.js';
import {type Availability, EditorBinding} from './editor-binding.js';
import {ListView} from './list-view.js';
import {element} from './page.js';
import {People} from './people.js';
import {showStatus} from './status.js';
import {TitleField} from './title-field.js';
import {showToast} from './toast.js';

const connection = connect();
connection.on('error', report);
connection.on('doc', (doc: Doc) => doc.on('error', report));

const list = new DocumentList(connection.get('lists', 'main'));
const listView = new ListView(element('document-list'), open);
const title = new TitleField(element('title', HTMLInputElement), list);
const quill = createEditor();
const buttons = {
  up: element('move-up', HTMLButtonElement),
  down: element('move-down', HTMLButtonElement),
  remove: element('remove-document', HTMLButtonElement)
};
const people = new People(connection);
let binding: EditorBinding | undefined;
let cursors: Cursors | undefined;
let availability: Availability = 'loading';
let isOffline = false;
const absent = 'This browser has no copy of the document yet. The document appears when the server is reachable.';

const updateStatus = showStatus(connection, () => availability === 'there');
if (new URLSearchParams(location.search).has('ask')) askBeforeUnload(connection);
list.onChange(render);
list.doc.subscribe(report);
connection.on('state', () => {
  if (connection.state !== 'connecting') isOffline = connection.state !== 'connected';
  showAvailability();
});
window.addEventListener('hashchange', render);
element('new-document').addEventListener('click', addDocument);
element('open-tab').addEventListener('click', () => window.open(location.href, '_blank', 'noopener'));
element('open-inspector').addEventListener('click', openInspector);
buttons.up.addEventListener('click', () => move(-1));
buttons.down.addEventListener('click', () => move(1));
buttons.remove.addEventListener('click', removeDocument);
render();

/** The id of the document that this tab shows. It is in the address, so every tab has its own. */
function currentId(): string | undefined {
  return decodeURIComponent(location.hash.slice(1)) || undefined;
}

function open(id: string): void {
  location.hash = encodeURIComponent(id);
  render();
}

function render(): void {
  const id = currentId();
  const first = list.entries[0];
  if (id === undefined && first) return location.replace(`#${encodeURIComponent(first.id)}`);

  listView.render(list.entries, id);
  element('empty').hidden = !isEmpty();
  element('new-document', HTMLButtonElement).disabled = !list.loaded;
  showAvailability();
  if (id === undefined) return;
  show(id);
  title.show(id);
  const index = list.indexOf(id);
  buttons.up.disabled = index <= 0;
  buttons.down.disabled = index < 0 || index === list.entries.length - 1;
  buttons.remove.disabled = index < 0;
  document.title = `${list.find(id)?.title || 'Untitled'} · Notes`;
}

function show(id: string): void {
  if (binding?.doc.id === id) return;
  binding?.stop();
  cursors?.stop();
  const doc = connection.get('documents', id);
  binding = new EditorBinding(quill, doc, now => {
    availability = now;
    showAvailability();
  });
  // A document stays subscribed when another one is shown, so that returning to it takes no time.
  doc.subscribe(report);
  cursors = new Cursors(quill, connection, id);
  people.show(id);
}

/** Loads the inspector on demand. */
async function openInspector(): Promise<void> {
  const {mountInspector} = await import('sharedb-tabs/inspector');
  mountInspector(connection);
}

function isEmpty(): boolean {
  return list.loaded && list.entries.length === 0;
}

function showAvailability(): void {
  const shown = isEmpty() && availability === 'loading' ? 'missing' : availability;
  const main = element('document');
  main.dataset.availability = shown;
  main.ariaBusy = String(shown === 'loading');
  element('notice').textContent =
    shown === 'missing' && !isEmpty() ? 'There is no such document any more. Choose another one from the list.' : '';
  updateStatus();
  quill.root.dataset.placeholder = shown === 'there' ? 'Write something…' : isOffline ? absent : 'Loading…';
}

function addDocument(): void {
  if (!list.loaded) return;
  const id = crypto.randomUUID();
  connection.get('documents', id).create([{insert: '\n'}], 'rich-text', report);
  list.add({id, title: ''});
  open(id);
  title.select();
}

function removeDocument(): void {
  const doc = binding?.doc;
  const entry = doc && list.find(doc.id);
  if (!doc || !entry) return;
  const index = list.indexOf(entry.id);
  const ops = doc.type ? toOps(doc.data) : [];
  list.remove(entry.id);
  if (doc.type) doc.del(report);
  const neighbour = list.entries[Math.min(index, list.entries.length - 1)];
  if (neighbour) open(neighbour.id);
  showToast(`“${entry.title || 'Untitled'}” was removed.`, {
    label: 'Undo',
    run: () => {
      if (!doc.type) doc.create(ops, 'rich-text', report);
      list.add(entry, index);
      open(entry.id);
    }
  });
}

function move(by: 1 | -1): void {
  const id = currentId();
  if (id !== undefined) list.move(id, by);
}

/** A callback that shows errors to the user. */
function report(error?: {message: string} | null): void {
  if (error) showToast(`Something went wrong: ${error.message}`);
}

declare global {
  /** For the console and for tests. */
  var editor: object;
}

globalThis.editor = {
  connection,
  quill,
  list,
  get doc() {
    return binding?.doc;
  }
};
