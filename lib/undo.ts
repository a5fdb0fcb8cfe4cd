export {UndoManager, type StackItemEvent, type UndoEvents, type UndoOptions} from './undo/undo-manager.js';
