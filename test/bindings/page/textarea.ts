import StringBinding from 'sharedb-string-binding';
import type {Attach} from './bound-editor.js';

export const attach: Attach = (doc, parent) => {
  const element = document.createElement('textarea');
  parent.append(element);
  const binding = new StringBinding(element, doc, ['content']);
  binding.setup();
  return {
    text: () => element.value,
    detach: () => binding.destroy()
  };
};
