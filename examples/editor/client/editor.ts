/** The Quill editor, set up. */
import Quill from 'quill';
import {element} from './page.js';

export function createEditor(): Quill {
  const quill = new Quill(element('editor'), {
    theme: 'snow',
    readOnly: true,
    formats: ['header', 'bold', 'italic', 'underline', 'list', 'indent', 'blockquote', 'code-block', 'link'],
    modules: {
      toolbar: [
        [{header: [1, 2, 3, false]}],
        ['bold', 'italic', 'underline'],
        [{list: 'ordered'}, {list: 'bullet'}, {list: 'check'}],
        ['blockquote', 'code-block', 'link'],
        ['clean']
      ],
      // Outside of lists, Tab moves to the next control, so that keyboard users can leave the editor.
      keyboard: {bindings: {tab: {key: 'Tab', handler: () => true}}}
    }
  });
  // It is focusable anyway, but axe requires the attribute where the text scrolls.
  quill.root.tabIndex = 0;
  quill.root.setAttribute('role', 'textbox');
  quill.root.setAttribute('aria-multiline', 'true');
  quill.root.setAttribute('aria-label', 'Text of the document');
  // Quill names its buttons for screen readers, but not its menus.
  document.querySelector('.ql-header .ql-picker-label')?.setAttribute('aria-label', 'Paragraph style');
  return quill;
}
