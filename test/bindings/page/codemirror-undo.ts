import {defaultKeymap} from '@codemirror/commands';
import {Compartment} from '@codemirror/state';
import {EditorView, keymap} from '@codemirror/view';
import {sharedText} from '../../../examples/codemirror/shared-text.js';
import {type Attach, linesOf} from './bound-editor.js';

export const attach: Attach = (doc, parent) => {
  const binding = new Compartment();
  const view = new EditorView({
    parent, doc: doc.data.content, extensions: [binding.of(sharedText(doc, ['content'])), keymap.of(defaultKeymap)]
  });
  return {
    text: () => linesOf(view.contentDOM),
    detach: () => view.dispatch({effects: binding.reconfigure([])})
  };
};
