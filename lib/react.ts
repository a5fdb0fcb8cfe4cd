export {ConnectionProvider, useConnection} from './react/context.js';
export {useDoc, type DocOptions, type DocResult} from './react/use-doc.js';
export {useQuery, type UseQueryOptions} from './react/use-query.js';
export type {QueryState} from './react/query-observer.js';
export {useDocPresence, usePresence, type PresenceResult} from './react/use-presence.js';
export type {PresenceState} from './react/presence-observer.js';
export {useStatus, type ConnectionStatus} from './react/use-status.js';
export {useSaved} from './react/use-saved.js';
export {useDeadLetters, type DeadLettersResult} from './react/use-dead-letters.js';
