import {helpFor} from './errors.js';

/** The codes of console warnings. `docs/errors.md` has a row for each. */
export type WarningCode =
  | 'WARN_TABS_WORKER' | 'WARN_TABS_SERVER' | 'WARN_TABS_NO_TOKEN' | 'WARN_TABS_QUARANTINED' | 'WARN_TABS_MALFORMED' | 'WARN_TABS_REQUEST_FAILED'
  | 'WARN_TABS_RESYNCHRONIZING' | 'WARN_TABS_NO_MIRROR' | 'WARN_TABS_QUERIES' | 'WARN_TABS_SERVICE' | 'WARN_TABS_TYPE'
  | 'WARN_TABS_OPTIONS';

/** The text of a warning, with its code and the place that explains it. */
export const warning = (code: WarningCode, text: string): string => `sharedb-tabs: ${text} [${code}, see ${helpFor(code)}]`;
