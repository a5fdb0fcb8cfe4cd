import {settled} from '../../../waiting/settled.js';
import {type Attach, linesOf} from '../bound-editor.js';

/** The script finds element and document by itself, and shows the document when it has subscribed to it. */
export const attach: Attach = async (doc, parent) => {
  await import('sharedb-legacy/examples/rich-text/client.js');
  await settled(done => doc.subscribe(done));
  return {text: () => linesOf(parent.querySelector('.ql-editor')!)};
};
