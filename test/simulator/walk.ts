import type {StoreDurability} from '../../lib/protocol/store-durability.js';
import type {Edits} from './edits.js';

/** The circumstances of a walk. Those that are left out do not occur. */
export interface Walk {
  seed: number;
  edits: Edits;
  tabs?: number;
  remotes?: number;
  steps?: number;
  /** The durability of the hosts' stores. Default: every second store shows edits before they are written. */
  durability?: StoreDurability | undefined;
  /** The percentage of the tabs' ops that the server rejects. */
  rejections?: number;
  /** The ops to be rejected are larger than the server accepts: it closes the connection. */
  tooLarge?: boolean;
  /** Ops also remove, replace and move content beside the words, and do not always contain the removed value. */
  removals?: boolean;
  /** Ops also add keys and list items, and edit inside of those of others. */
  nested?: boolean;
  /** Tabs send the source of an op to the server. */
  sources?: boolean;
  /** Pages also write to a local document. */
  notes?: boolean;
  /** Pages call a service in the host, which submits ops. */
  services?: boolean;
  /** The percentage of ops to which the server adds content. */
  fixups?: number;
  /** Hosts open their WebSockets themselves. The server closes them, or sends nothing over them, and the network drops some without an event. */
  webSockets?: boolean;
  /** The user of the hosts may not read some documents for a while. */
  revocations?: boolean;
  /** The user of the hosts may not write some documents for a while, or not read some ops of others on them. */
  permissions?: boolean;
  /** Pages also open documents through a projection, and the server hides a field of them. */
  projections?: boolean;
  /** Pages make transactions over plain documents, and watch them. */
  transactions?: boolean;
  /** The percentage of these transactions that the server refuses. */
  refusals?: number;
  /** The network of the host and of the remote clients is lost now and then. */
  outages?: boolean;
  /** The host dies or closes, and another one takes over from the disk. */
  crashes?: boolean;
  /** The host dies, and the disk is empty: the next host lacks the history that tabs have. */
  emptied?: boolean;
  /** Another host takes over from one that lives on, frozen or not. */
  usurpers?: boolean;
  /** Pages end, each with orphaned ops, and others are opened. */
  pagesGo?: boolean;
  /** Pages die without a message, or close their connection, and others are opened. */
  pagesDie?: boolean;
  /** Pages freeze and thaw, and enter and leave the back/forward cache. */
  freezes?: boolean;
  /** Sessions between tabs and host break. */
  breaks?: boolean;
  /** Batches between tabs and host are lost, or arrive twice. */
  losses?: boolean;
  /** The database of the hosts' server is away now and then. */
  faults?: boolean;
  /** The computer sleeps now and then: timers are late by seconds or minutes, and its clock is set. */
  sleeps?: boolean;
  /** The disk is full, hangs or fails now and then. */
  disks?: boolean;
  /** The disk can't read documents now and then, while it can write. */
  unreadable?: boolean;
  /** The server later accepts ops that it has refused, and pages try dead letters again. */
  retries?: boolean;
  /** The percentage of ops that the server accepts and does not publish. */
  unpublished?: number;
  /** The reads of the hosts' server are slow, so that others' requests may be answered first. */
  slow?: boolean;
  /** Tabs also fetch all documents with a query. */
  fetchQueries?: boolean;
  /** The records on the disk are encrypted. Encryption takes time. */
  ciphers?: boolean;
  /** The cipher fails now and then, also several times for the same text. For each host, one read fails. */
  cipherFaults?: boolean;
  /** Every other page shows the stored state before the server has answered. */
  storedFirst?: boolean;
  /** Pages begin with states that the server has put into them, which may be old. */
  rendered?: boolean;
  /** The hosts' server deletes ops that lead to the present documents. */
  trims?: boolean;
  /** Users sign out with `clear()`, and others sign in. */
  signOuts?: boolean;
  /** The app calls `localStorage.clear()`, also right before and right after a sign-out. */
  clearsStorage?: boolean;
  /** The server starts again with another database: an older copy, one with other documents of the same names, or an empty one. */
  replacements?: boolean;
}

/** The circumstances that the clients of a walk need to know. */
export type Circumstances = Omit<Walk, 'seed' | 'edits'>;

/** Whether the server, or the host with a state that a page came with or that it can't read, may lack the history that an op was made on. */
export function losesHistory({trims, replacements, rendered, unreadable}: Pick<Walk, 'trims' | 'replacements' | 'rendered' | 'unreadable'>): boolean {
  return !!trims || !!replacements || !!rendered || !!unreadable;
}

/** Whether the server refuses some requests of a user. */
export function mayBeForbidden({revocations, permissions}: Pick<Walk, 'revocations' | 'permissions'>): boolean {
  return !!revocations || !!permissions;
}

/** Whether an op may be lost with its host, or with the user who made it. */
export function endsHosts({crashes, usurpers, signOuts}: Walk): boolean {
  return !!crashes || !!usurpers || !!signOuts;
}

/** Whether the walk's hosts have a store. */
export function hasStore({crashes, usurpers, signOuts}: Walk): boolean {
  return !!crashes || !!usurpers || !!signOuts;
}
