import type {Kind} from './describe.js';

/** A message that a host has received or sent while an inspector was open. */
export interface FeedEntry {
  /** Rises with each entry. */
  n: number;
  /** In ms since the epoch. */
  time: number;
  direction: 'from tab' | 'to server' | 'from server';
  /** The tab that sent it. */
  tab?: string;
  kind: Kind;
  /** One line, without document data. */
  text: string;
  /** The message as JSON, if that was requested. */
  data?: string;
}

/** An inspector's request for the entries after `since`. */
export interface FeedRequest {
  /** The `n` of the last known entry, or 0. */
  since: number;
  /** Whether to keep whole messages with document data from now on. */
  data: boolean;
}
