import Quill, {Delta} from 'quill';
import richText from 'rich-text';
import {type Connection, type Doc, types} from 'sharedb/lib/client/index.js';
import {QuillBinding} from 'y-quill';
import {WebsocketProvider} from 'y-websocket';
import {Doc as YjsDoc} from 'yjs';
import {createConnection} from '../../../lib/index.js';
import {settled} from '../../../test/waiting/settled.js';
import {connectPlain} from '../connect.js';

types.register(richText.type);

/** An editor in two pages: keys go to one page, and the other page shows the text. */
export interface Editor {
  /** The element that gets the keys. */
  element: HTMLElement;
  focus(): void;
  text(): string;
  /** Calls back after each change from the other page, when the editor has it in its elements. */
  onForeignChange(listener: () => void): void;
  /** Waits until nothing is under way to the server. */
  atRest(): Promise<void>;
}

export interface EditorPlace {
  way: 'tabs' | 'plain' | 'yjs' | 'bare';
  url: string;
  id: string;
}

export async function openEditor({way, url, id}: EditorPlace): Promise<Editor> {
  switch (way) {
    case 'bare':
      return bareEditor(id);
    case 'yjs':
      return yjsEditor(id);
    case 'plain':
      return sharedEditor(connectPlain(url), id);
    case 'tabs':
      return sharedEditor(createConnection({
        url, namespace: id, mode: 'shared-worker',
        sharedWorker: () => new SharedWorker(new URL('./editor-worker.ts', import.meta.url), {type: 'module', name: id})
      }), id);
  }
}

/** Quill on a ShareDB document, as ShareDB's own example does it. */
async function sharedEditor(connection: unknown, id: string): Promise<Editor> {
  const doc = (connection as Connection).get('bench', id) as Doc<{ops: object[]}>;
  await settled(done => doc.subscribe(done));
  const quill = newQuill();
  quill.setContents(new Delta(doc.data as ConstructorParameters<typeof Delta>[0]), 'api');
  quill.on('text-change', (change, _, source) => {
    if (source === 'user') doc.submitOp(change, {source: quill});
  });
  const listeners: (() => void)[] = [];
  doc.on('op', (op: unknown, source: unknown) => {
    if (source === quill) return;
    quill.updateContents(new Delta(op as ConstructorParameters<typeof Delta>[0]), 'api');
    for (const listener of listeners) listener();
  });
  return {
    ...editing(quill),
    onForeignChange: listener => void listeners.push(listener),
    atRest: () => settled(done => doc.whenNothingPending(done))
  };
}

/** Quill on a Yjs document that other tabs get by BroadcastChannel, without a server. This is the fastest case of Yjs. */
function yjsEditor(id: string): Editor {
  const doc = new YjsDoc();
  const provider = new WebsocketProvider('ws://127.0.0.1', id, doc, {connect: false});
  provider.connectBc();
  const quill = newQuill();
  const text = doc.getText('text');
  new QuillBinding(text, quill);
  return {
    ...editing(quill),
    // The binding has added its listener before, so the editor is updated by then.
    onForeignChange: listener => text.observe(({transaction}) => { if (!transaction.local) listener(); }),
    atRest: () => Promise.resolve()
  };
}

/** An element whose text is sent as a bare message: the least that the others can cost. */
function bareEditor(id: string): Editor {
  const element = document.body.appendChild(document.createElement('div'));
  element.contentEditable = 'plaintext-only';
  const channel = new BroadcastChannel(`bench: ${id}`);
  element.addEventListener('input', () => channel.postMessage(element.textContent));
  return {
    element,
    focus() {
      element.focus();
      getSelection()!.selectAllChildren(element);
      getSelection()!.collapseToEnd();
    },
    text: () => element.textContent!,
    onForeignChange(listener) {
      channel.onmessage = ({data}) => {
        element.textContent = data as string;
        listener();
      };
    },
    atRest: () => Promise.resolve()
  };
}

function newQuill(): Quill {
  return new Quill(document.body.appendChild(document.createElement('div')), {modules: {toolbar: false}});
}

function editing(quill: Quill): Pick<Editor, 'element' | 'focus' | 'text'> {
  return {
    element: quill.root,
    focus: () => quill.setSelection(quill.getLength() - 1, 0, 'silent'),
    text: () => quill.getText().trimEnd()
  };
}
