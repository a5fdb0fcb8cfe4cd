import type {Type} from 'sharedb/lib/sharedb.js';
import * as util from 'sharedb/lib/util.js';
import type {Position} from '../../protocol/messages.js';
import type {ChannelReport} from '../../protocol/report.js';
import type {Entry} from '../../ot/history-entry.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';
import type {PresenceReply} from '../upstream.js';

/** How many presences of a channel a report contains. */
const MAX_REPORTED = 100;

export interface PresenceRequest {
  a: 'p' | 'ps' | 'pu' | 'pr';
  ch: string;
  seq: number;
  id: string;
  p: unknown;
  pv: number;
  /** For a document's presence: the document, its type, and the position of the tab. */
  c?: string;
  d?: string;
  t?: string;
  at?: Position;
}

/** The presence of somebody, as it stands now: a document's presence at the document's current revision. */
export interface Standing {
  src: string | undefined;
  id: string;
  p: unknown;
  /** For a tab's presence: the version that is sent, which is higher than all that were sent for this id before. */
  pv: number;
  doc?: SharedDoc | undefined;
  t?: string | undefined;
}

export interface Outgoing extends Standing {
  tab: Tab | undefined;
  /** The version that the tab has given it, and waits for the answer to. */
  ownPv?: number | undefined;
}

export interface Channel {
  name: string;
  subscribers: Set<Tab>;
  /** The tabs' presences, by tab and presence id. */
  locals: Map<Tab, Map<string, Standing>>;
  /** The versions that were told last, by presence id: tabs may use the same id, and count each for itself. */
  versions: Map<string, {pv: number; tab: Tab}>;
  /** The last value that each subscriber got, so that it does not get the same one twice. */
  shown: Map<Tab, Map<string, number>>;
  /** The presences of the server's other clients, by presence id. */
  remotes: Map<string, Standing>;
  /** The same of clients that have not shown them again since the server came back. */
  missing: Map<string, Standing>;
  /** Ends the wait for them. */
  endWait?: (() => void) | undefined;
  /** The values that the server has not got: they wait for a connection, and for the acknowledgement of the document's ops. */
  outgoing: Outgoing[];
  /** Remote presence at a version that the document has not reached yet. */
  early: PresenceReply[];
  subscribedAtServer: boolean;
  waiting: {tab: Tab; seq: number}[];
}

/** The value of an id in the tabs of this host. If several tabs have one, the last counts. */
export function lastStanding({locals}: Channel, id: string): {tab: Tab; standing: Standing} | undefined {
  let last: {tab: Tab; standing: Standing} | undefined;
  for (const [tab, own] of locals) {
    const standing = own.get(id);
    if (standing && (!last || standing.pv > last.standing.pv)) last = {tab, standing};
  }
  return last;
}

export const newChannel = (name: string): Channel => ({
  name, subscribers: new Set(), locals: new Map(), versions: new Map(), shown: new Map(), remotes: new Map(), missing: new Map(),
  outgoing: [], early: [], subscribedAtServer: false, waiting: []
});

export function inspectChannel({name, subscribers, locals, remotes}: Channel): ChannelReport {
  const entry = ({id, doc}: Standing, tab?: Tab): ChannelReport['presences'][number] => ({
    id, ...(tab && {tab: tab.id as string}), ...(doc && {collection: doc.collection, doc: doc.id})
  });
  const own = [...locals].flatMap(([tab, standings]) => [...standings.values()].map(standing => entry(standing, tab)));
  const others = [...remotes.values()].map(standing => entry(standing));
  return {channel: name, followers: [...subscribers].map(({id}) => id as string), presences: [...own, ...others].slice(0, MAX_REPORTED)};
}

/** Moves a presence over one entry of its document's history. */
export function carry(standing: Standing, {step}: Entry, isOwnOp: boolean): void {
  if (standing.p === null || !standing.doc) return;
  if ('op' in step) {
    const type = standing.doc.doc.type as Type | null;
    try {
      if (supportsPresence(type)) standing.p = type!.transformPresence!(standing.p, step.op, isOwnOp);
    } catch {
      // The tabs that show it find the same, and emit the error.
      standing.p = null;
    }
  } else if (step.create || step.del || step.load) {
    standing.p = null;
  }
}

export function supportsPresence(type: Type | null): boolean {
  return !!util.supportsPresence(type);
}

export function unsupported(type: string | undefined): {code: string; message: string} {
  return {code: 'ERR_TYPE_DOES_NOT_SUPPORT_PRESENCE', message: `Type does not support presence: ${type}`};
}

export const shownKey = ({src, id}: Pick<Standing, 'src' | 'id'>): string => JSON.stringify([src, id]);

export const ackKey = (ch: string, id: string, pv: number | undefined): string => JSON.stringify([ch, id, pv]);
