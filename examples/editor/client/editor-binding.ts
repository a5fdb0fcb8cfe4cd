/** Binds a Quill editor to a rich-text document. */
import Quill, {Delta} from 'quill';
import type {Doc} from 'sharedb/lib/client/index.js';
import {UndoManager} from 'sharedb-tabs/undo';
import {type Content, toOps} from './content.js';
import {undoBy} from './undo-history.js';

/** 'missing': the document was never created, or was deleted. */
export type Availability = 'loading' | 'there' | 'missing';

export class EditorBinding {
  readonly doc: Doc<Content>;
  readonly #quill: Quill;
  readonly #onAvailability: (availability: Availability) => void;
  /** Changes in the document that the editor does not show yet. */
  #unseen = new Delta();
  #showing = false;
  readonly #undo: UndoManager;

  constructor(quill: Quill, doc: Doc<Content>, onAvailability: (availability: Availability) => void) {
    this.#quill = quill;
    this.doc = doc;
    this.#onAvailability = onAvailability;
    quill.on('text-change', this.#submit);
    quill.on(Quill.events.COMPOSITION_END, this.#show);
    doc.on('op', this.#receive);
    doc.on('load', this.#reset);
    doc.on('create', this.#reset);
    doc.on('del', this.#reset);
    this.#undo = new UndoManager(doc, {sources: [this]});
    undoBy(quill, this.#undo);
    this.#reset();
  }

  stop(): void {
    const {doc} = this;
    undoBy(this.#quill, undefined);
    this.#undo.close();
    // Text that the browser has entered and Quill has not noticed belongs to this document.
    this.#quill.update('user');
    this.#quill.off('text-change', this.#submit);
    this.#quill.off(Quill.events.COMPOSITION_END, this.#show);
    doc.off('op', this.#receive);
    doc.off('load', this.#reset);
    doc.off('create', this.#reset);
    doc.off('del', this.#reset);
  }

  readonly #submit = (change: Delta) => {
    if (this.#showing || !this.doc.type) return;
    // The change was made to the text without the unseen changes. The document needs it with them.
    const op = this.#unseen.transform(change, true);
    this.#unseen = change.transform(this.#unseen, false);
    if (op.length()) this.doc.submitOp(op, {source: this});
  };

  readonly #receive = (op: unknown, source: unknown) => {
    if (source === this) return;
    this.#unseen = this.#unseen.compose(new Delta(toOps(op as Content)));
    // While an input method composes, changes to its text would garble it.
    if (!this.#quill.composition.isComposing) this.#show();
    if (source === this.#undo) this.#quill.setSelection(endOfChange(new Delta(toOps(op as Content))), 0, 'api');
  };

  readonly #show = () => {
    const quill = this.#quill;
    quill.update('user');
    const change = this.#unseen;
    this.#unseen = new Delta();
    this.#showWith(() => quill.updateContents(change, 'api'));
  };

  readonly #reset = () => {
    const {type, version, data} = this.doc;
    const quill = this.#quill;
    this.#unseen = new Delta();
    const selection = quill.hasFocus() ? quill.getSelection() : null;
    this.#showWith(() => quill.setContents(type ? new Delta(toOps(data)) : new Delta(), 'api'));
    quill.enable(Boolean(type));
    if (type && selection) quill.setSelection(selection.index, selection.length, 'silent');
    this.#onAvailability(type ? 'there' : version === null ? 'loading' : 'missing');
  };

  #showWith(change: () => void): void {
    this.#showing = true;
    try {
      change();
    } finally {
      this.#showing = false;
    }
  }
}

/** The position of the caret after a change. */
function endOfChange(change: Delta): number {
  let index = 0;
  let end = 0;
  for (const {insert, retain, attributes} of change.ops) {
    index += typeof insert === 'string' ? insert.length : insert ? 1 : typeof retain === 'number' ? retain : 0;
    if (retain === undefined || attributes) end = index;
  }
  return end;
}
