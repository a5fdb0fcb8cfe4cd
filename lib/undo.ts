export {UndoManager, type StackItemEvent, type UndoEvents, type UndoOptions, type UndoableDoc} from './undo/undo-manager.js';
