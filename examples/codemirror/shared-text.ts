/** Binds a CodeMirror editor to a text in a json1 document, with undo and redo of the editor's own edits. */
import {Annotation, type Extension} from '@codemirror/state';
import {ViewPlugin, keymap, type EditorView, type ViewUpdate} from '@codemirror/view';
import {canOpAffectPath, changesToOpJSON1, opToChangesJSON1} from 'codemirror-ot';
import * as json1 from 'ot-json1';
import * as textUnicode from 'ot-text-unicode';
import type {Doc} from 'sharedb/lib/client/index.js';
import {UndoManager, type StackItemEvent} from 'sharedb-tabs/undo';

type Path = readonly (string | number)[];

/** An undo manager of the app that captures this editor's ops. */
export interface SharedTextUndo {
  /** The source of the editor's ops, which `undo` captures. */
  source: unknown;
  /** The app closes it. */
  undo: UndoManager;
}

/** Marks a change that comes from the document and must not be submitted. */
const fromDocument = Annotation.define<boolean>();

/**
 * Binds an editor. Leave out CodeMirror's `history()`, because it also undoes the text of others.
 * @param doc subscribed, of type json1
 * @param path the path of the text in the document
 * @param given the undo manager; without it, the editor gets one of its own
 */
export function sharedText(doc: Doc, path: Path, given?: SharedTextUndo): Extension {
  // Ops with this source are the editor's own. Ops of the undo manager have another source, and are shown like any other.
  const source = given?.source ?? {};
  const undo = given?.undo ?? new UndoManager(doc, {sources: [source]});
  const run = (act: 'undo' | 'redo') => (): boolean => {
    void undo[act]();
    return true;
  };
  const binding = ViewPlugin.fromClass(class {
    /** The position of the caret before the current edit. */
    private caret: number;

    constructor(private readonly view: EditorView) {
      this.caret = view.state.selection.main.head;
      doc.on('op', this.show);
      undo.on('stack-item-added', this.keepCaret);
      undo.on('stack-item-popped', this.restoreCaret);
    }

    update({docChanged, selectionSet, transactions, changes, startState, state}: ViewUpdate): void {
      if (docChanged && !transactions.some(transaction => transaction.annotation(fromDocument))) {
        this.caret = startState.selection.main.head;
        doc.submitOp(changesToOpJSON1(path, changes, startState.doc, json1, textUnicode), {source});
      }
      if (docChanged || selectionSet) this.caret = state.selection.main.head;
    }

    destroy(): void {
      doc.off('op', this.show);
      undo.off('stack-item-added', this.keepCaret);
      undo.off('stack-item-popped', this.restoreCaret);
      if (!given) undo.close();
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

    private readonly keepCaret = ({type, meta}: StackItemEvent): void => {
      if (type === 'undo' && !meta.has('caret')) meta.set('caret', this.caret);
    };

    private readonly restoreCaret = ({type, meta}: StackItemEvent): void => {
      const caret = meta.get('caret');
      // A step of another tab has no caret.
      if (type !== 'undo' || typeof caret !== 'number') return;
      this.view.dispatch({selection: {anchor: Math.min(caret, this.view.state.doc.length)}, scrollIntoView: true});
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
