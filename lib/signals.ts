export {signalHandler, type SignalHandlerOptions} from './signals/signal-handler.js';
export {docSignal, querySignal, statusSignal} from './signals/shared-signals.js';
export type {SignalLike, SignalNamespace, SignalOptions, StateLike, WatcherLike} from './signals/signal-like.js';
