/** A text that many tabs edit, with undo of the edits of this tab or, with `?undo=browser`, of all tabs of this browser. */
import {defaultKeymap} from '@codemirror/commands';
import {EditorView, keymap} from '@codemirror/view';
import * as json1 from 'ot-json1';
import {types} from 'sharedb/lib/client/index.js';
import {createConnection} from 'sharedb-tabs';
import {UndoManager} from 'sharedb-tabs/undo';
import {sharedText} from '../shared-text.js';

types.register(json1.type);

const element = <Element extends HTMLElement>(id: string): Element => document.getElementById(id) as Element;
const scope = new URLSearchParams(location.search).get('undo') === 'browser' ? 'browser' : 'tab';

const connection = createConnection({
  url: '/sharedb',
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'codemirror'})
});
const showState = (): void => { element('state').textContent = connection.state; };
connection.on('state', showState);
showState();

const doc = connection.get<{content: string}>('texts', 'shared');

async function start(): Promise<void> {
  await doc.subscribe();
  // If several tabs create the document at once, one succeeds, and the others get its document.
  if (!doc.type) await doc.create({content: 'Type here.'}, json1.type.uri).catch(() => {});
  const source = {};
  const undo = new UndoManager(doc, {sources: [source], scope});
  const view = new EditorView({
    parent: element('editor'),
    doc: doc.data!.content,
    extensions: [sharedText(doc, ['content'], {source, undo}), keymap.of(defaultKeymap), EditorView.lineWrapping]
  });
  const buttons = {undo: element<HTMLButtonElement>('undo'), redo: element<HTMLButtonElement>('redo')};
  for (const act of ['undo', 'redo'] as const) {
    buttons[act].onclick = () => {
      void undo[act]();
      view.focus();
    };
  }
  undo.on('change', () => {
    buttons.undo.disabled = !undo.canUndo;
    buttons.redo.disabled = !undo.canRedo;
  });
  element('scope').textContent = scope === 'tab' ? 'what you have typed in this tab' : 'what you have typed in any tab of this browser';
  // For tests and for the console.
  Object.assign(globalThis, {example: {connection, doc, undo, view}});
}

void start();
