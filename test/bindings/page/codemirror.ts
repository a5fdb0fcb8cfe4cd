import {defaultKeymap, history, historyKeymap} from '@codemirror/commands';
import {Compartment} from '@codemirror/state';
import {EditorView, keymap} from '@codemirror/view';
import {json1Sync} from 'codemirror-ot';
import * as json1 from 'ot-json1';
import * as textUnicode from 'ot-text-unicode';
import {type Attach, linesOf} from './bound-editor.js';

export const attach: Attach = (doc, parent) => {
  const binding = new Compartment();
  const view = new EditorView({
    parent,
    doc: doc.data.content,
    extensions: [
      history(),
      keymap.of([...defaultKeymap, ...historyKeymap]),
      binding.of(json1Sync({shareDBDoc: doc, path: ['content'], json1, textUnicode}))
    ]
  });
  return {
    text: () => linesOf(view.contentDOM),
    detach: () => view.dispatch({effects: binding.reconfigure([])})
  };
};
