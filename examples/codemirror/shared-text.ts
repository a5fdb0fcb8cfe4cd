/** Binds a CodeMirror editor to a text in a json1 document, with undo and redo of this tab's own edits. */
import {Annotation, type Extension} from '@codemirror/state';
import {ViewPlugin, keymap, type EditorView, type ViewUpdate} from '@codemirror/view';
import {canOpAffectPath, changesToOpJSON1, opToChangesJSON1} from 'codemirror-ot';
import * as json1 from 'ot-json1';
import * as textUnicode from 'ot-text-unicode';
import type {Doc} from 'sharedb/lib/client/index.js';
import {UndoManager} from 'sharedb-tabs/undo';

type Path = readonly (string | number)[];

/** A change that comes from the document, and is not to go there. */
const fromDocument = Annotation.define<boolean>();

/**
 * Leave out CodeMirror's `history()`: it undoes what others have typed, too.
 * @param doc subscribed, of type json1
 * @param path where the text is in it
 */
export function sharedText(doc: Doc, path: Path): Extension {
  // Ops with this source are the editor's own. Those of the undo manager have another one, and are shown as any other.
  const source = {};
  const undo = new UndoManager(doc, {sources: [source]});
  const run = (act: 'undo' | 'redo') => (): boolean => {
    void undo[act]();
    return true;
  };
  const binding = ViewPlugin.fromClass(class {
    constructor(private readonly view: EditorView) {
      doc.on('op', this.show);
    }

    update({docChanged, transactions, changes, startState}: ViewUpdate): void {
      if (!docChanged || transactions.some(transaction => transaction.annotation(fromDocument))) return;
      doc.submitOp(changesToOpJSON1(path, changes, startState.doc, json1, textUnicode), {source});
    }

    destroy(): void {
      doc.off('op', this.show);
      undo.close();
    }

    private readonly show = (op: unknown, from: unknown): void => {
      if (from === source || !Array.isArray(op)) return;
      // An op with several parts is a list of lists.
      for (const part of (Array.isArray(op[0]) ? op : [op]) as unknown[][]) {
        if (!canOpAffectPath(part, path)) continue;
        const changes = opToChangesJSON1(part, path, this.view.state.doc.toString());
        this.view.dispatch({changes, annotations: fromDocument.of(true)});
      }
    };
  });
  return [
    binding,
    keymap.of([
      {key: 'Mod-z', run: run('undo'), preventDefault: true},
      {key: 'Mod-Shift-z', run: run('redo'), preventDefault: true},
      {key: 'Mod-y', run: run('redo'), preventDefault: true}
    ])
  ];
}
