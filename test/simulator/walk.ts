import type {StoreDurability} from '../../lib/protocol/store-durability.js';
import type {Edits} from './edits.js';

/** Which walk to take. What is left out does not happen on it. */
export interface Walk {
  seed: number;
  edits: Edits;
  tabs?: number;
  remotes?: number;
  steps?: number;
  /** What each host's store does. Default: every second one shows edits before they are written. */
  durability?: StoreDurability | undefined;
  /** Of 100 ops of tabs, how many the server rejects. */
  rejections?: number;
  /** What is to be rejected is larger than the server takes: it closes the connection. */
  tooLarge?: boolean;
  /** Ops also remove, replace and move what stands beside the words, and do not always say what that was. */
  removals?: boolean;
  /** Tabs send the source of an op to the server. */
  sources?: boolean;
  /** Pages also write to a local document. */
  notes?: boolean;
  /** Pages call a service in the host, which submits ops. */
  services?: boolean;
  /** Of 100 ops, how many the server adds something to. */
  fixups?: number;
  /** The host and the remote clients lose their network now and then. */
  outages?: boolean;
  /** The host dies, or closes, and another one takes over from the disk. */
  crashes?: boolean;
  /** The host dies, and all that is on the disk is gone: the next host knows nothing of the history that tabs have. */
  emptied?: boolean;
  /** Another host takes over from one that lives on, frozen or not. */
  usurpers?: boolean;
  /** Pages go away, each with orphaned ops, and others come. */
  pagesGo?: boolean;
  /** Pages die without a word, or close their connection, and others come. */
  pagesDie?: boolean;
  /** Pages freeze and thaw, and go into the back/forward cache and come back. */
  freezes?: boolean;
  /** Sessions between tabs and host break. */
  breaks?: boolean;
  /** Batches between tabs and host are lost, or come twice. */
  losses?: boolean;
  /** The database of the hosts' server is away now and then. */
  faults?: boolean;
  /** The computer sleeps now and then: timers are late by seconds or minutes, and its clock is set. */
  sleeps?: boolean;
  /** The disk is full, hangs or fails now and then. */
  disks?: boolean;
  /** The server changes its mind about what it refuses, and pages try dead letters again. */
  retries?: boolean;
  /** Of 100 ops, how many the server takes and tells nobody of. */
  unpublished?: number;
  /** The hosts' server takes its time to read, and others may be first. */
  slow?: boolean;
  /** Tabs also ask for all documents once. */
  fetchQueries?: boolean;
  /** What is on the disk is encrypted, which takes its time. */
  ciphers?: boolean;
  /** The cipher fails now and then, and not when it is asked again. */
  cipherFaults?: boolean;
  /** Every other page shows what is stored before the server has answered. */
  storedFirst?: boolean;
  /** Pages begin with states that the server has put into them, which may be old. */
  rendered?: boolean;
  /** The ops that lead to what documents are now are deleted, at the hosts' server. */
  trims?: boolean;
  /** The server starts again with another database: an older copy, one with other documents of the same names, or an empty one. */
  replacements?: boolean;
}

/** What of a walk its clients have to know. */
export type Circumstances = Omit<Walk, 'seed' | 'edits'>;

/** Whether the server, or the host with a state that a page came with, may not know what an op was made on. */
export function losesHistory({trims, replacements, rendered}: Pick<Walk, 'trims' | 'replacements' | 'rendered'>): boolean {
  return !!trims || !!replacements || !!rendered;
}

/** Whether the walk's hosts keep what they have on a disk. */
export function hasStore({crashes, usurpers}: Walk): boolean {
  return !!crashes || !!usurpers;
}
