/** A note in a text field, the state of its edits, and a list of notes. */
import StringBinding from 'sharedb-string-binding';
import type {TabConnection} from 'sharedb-tabs';
import {connect} from './connect.js';

const element = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

const query = new URLSearchParams(location.search);
const id = query.get('note') ?? 'team:first';

void start();

async function start(): Promise<void> {
  const name = query.get('user');
  if (name) await fetch(`/sign-in?user=${encodeURIComponent(name)}`, {method: 'POST'});
  const session = await fetch('/session');
  if (!session.ok) return show('state', 'Add ?user=ada to the address to sign in');
  const user = await session.text();
  show('user', user);
  const connection = connect(user);
  showStatus(connection);
  await Promise.all([showNote(connection), showList(connection)]);
}

async function showNote(connection: TabConnection): Promise<void> {
  const doc = connection.get<{text: string}>('notes', id);
  const field = element<HTMLTextAreaElement>('text');
  const showSaved = (): void => show('saved', doc.saveState);
  doc.on('saveState', showSaved);
  // The server has refused an op, which is now a dead letter.
  doc.on('error', error => show('error', `${error.code}: ${error.message}`));
  try {
    await doc.subscribe();
    if (!doc.type) await doc.create({text: ''});
  } catch (error) {
    // Another tab, or another user, was faster.
    if ((error as {code?: string}).code !== 'ERR_DOC_ALREADY_CREATED') return show('error', String(error));
    await doc.subscribe();
  }
  const binding = new StringBinding(field, doc, ['text']);
  binding.setup();
  // The document is loaded again if no ops lead to the server's state.
  doc.on('load', () => { field.value = doc.data?.text ?? ''; });
  showSaved();
  field.disabled = false;
}

async function showList(connection: TabConnection): Promise<void> {
  const notes = connection.createSubscribeQuery<{text: string}>('notes', {prefix: 'team:'});
  const showNotes = (): void => show('list', notes.results.map(note => note.id).join(' '));
  notes.on('changed', showNotes);
  notes.on('error', error => show('error', String(error)));
  await notes.whenReady();
  showNotes();
}

function showStatus(connection: TabConnection): void {
  const update = (): void => {
    const {pendingOps, serverFault} = connection.status;
    show('mode', connection.mode ?? '');
    show('state', connection.state);
    show('pending', String(pendingOps));
    show('fault', serverFault ? serverFault.error.message : '');
    // Without a host, the call rejects. The next status event repeats it.
    connection.deadLetters.list().then(letters => show('letters', String(letters.length)), () => {});
  };
  connection.on('state', update);
  connection.on('status', update);
  connection.on('deadletter', update);
  const codes: number[] = [];
  connection.on('disconnected', ({code}: {code: number}) => {
    codes.push(code);
    show('codes', codes.slice(-10).join(' '));
  });
  connection.on('connection error', error => show('error', String(error)));
  update();
}

function show(what: string, text: string): void {
  element(what).textContent = text;
}
