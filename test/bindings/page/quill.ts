import Quill from 'quill';
import {EditorBinding} from '../../../examples/editor/client/editor-binding.js';
import {type Attach, linesOf} from './bound-editor.js';

export const attach: Attach = (doc, parent) => {
  const quill = new Quill(parent, {theme: 'snow'});
  const binding = new EditorBinding(quill, doc, () => {});
  return {
    text: () => linesOf(quill.root),
    detach: () => binding.stop()
  };
};
