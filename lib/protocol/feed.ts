import type {Kind} from './describe.js';

/** A message that a host has got or sent while somebody looks. */
export interface FeedEntry {
  /** Rises with each entry. */
  n: number;
  /** In ms since the epoch. */
  time: number;
  direction: 'from tab' | 'to server' | 'from server';
  /** The tab that sent it. */
  tab?: string;
  kind: Kind;
  /** One line, without any document's data. */
  text: string;
  /** The message as JSON: only where that was asked for. */
  data?: string;
}

/** What somebody who looks asks for. */
export interface FeedRequest {
  /** The `n` of the last entry that is known, or 0. */
  since: number;
  /** Whether messages are kept whole from now on, with documents' data. */
  data: boolean;
}
