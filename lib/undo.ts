export {UndoManager} from './undo/undo-manager.js';
export type {StackItemEvent, UndoEvents, UndoOptions, UndoableDoc} from './undo/types.js';
