export {signalHandler, type SignalHandlerOptions} from './signals/signal-handler.js';
export {docSignal, querySignal, statusSignal} from './signals/shared-signals.js';
export type {SignalLike, SignalNamespace} from './signals/signal-like.js';
