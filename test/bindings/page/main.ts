/** Binds an editor to the document, and shows the test how both are. */
import {settled} from '../../waiting/settled.js';
import {place} from '../place.js';
import type {Attach, BoundEditor} from './bound-editor.js';
import {connection, query} from './connect.js';

const bindings: Record<string, () => Promise<{attach: Attach}>> = {
  'sharedb-example': () => import('./sharedb-example/attach.js'),
  quill: () => import('./quill.js'),
  codemirror: () => import('./codemirror.js'),
  'codemirror-undo': () => import('./codemirror-undo.js'),
  textarea: () => import('./textarea.js')
};

const doc = connection.get(...place);

async function bind(): Promise<BoundEditor> {
  await settled(done => doc.subscribe(done));
  const {attach} = await bindings[query.get('binding')!]!();
  return attach(doc, document.getElementById('editor')!);
}

/** The tab at one moment. */
export interface View {
  /** What the editor shows. */
  text: string;
  data: unknown;
  version: number | null;
  hasPending: boolean;
  state: string;
  /** The events of the document that somebody listens to. */
  events: string[];
}

async function look(): Promise<View> {
  const editor = await window.editor;
  return {
    text: editor.text(),
    data: doc.data,
    version: doc.version,
    hasPending: doc.hasPending(),
    state: connection.state,
    events: doc.eventNames()
  };
}

declare global {
  interface Window {
    editor: Promise<BoundEditor>;
    look: typeof look;
  }
}

window.editor = bind();
window.look = look;
