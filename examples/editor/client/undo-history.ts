/** Quill's keys and menus for undo and redo, with the steps of an `UndoManager`. */
import Quill from 'quill';
import type {UndoManager} from 'sharedb-tabs/undo';

const QuillHistory = Quill.import('modules/history') as typeof import('quill/modules/history.js').default;

/** Quill's own history does not handle refused ops, or documents that are loaded again. */
class UndoHistory extends QuillHistory {
  manager?: UndoManager | undefined;

  override undo(): void {
    void this.manager?.undo();
  }

  override redo(): void {
    void this.manager?.redo();
  }

  override record(): void {}
}

Quill.register({'modules/history': UndoHistory}, true);

/** Makes the editor undo and redo with this manager, or not at all. */
export function undoBy(quill: Quill, manager: UndoManager | undefined): void {
  (quill.history as UndoHistory).manager = manager;
}
