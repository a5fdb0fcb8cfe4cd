import type {Type} from 'sharedb/lib/sharedb.js';
import * as util from 'sharedb/lib/util.js';
import type {Position} from '../../protocol/messages.js';
import type {ChannelReport} from '../../protocol/report.js';
import type {Entry} from '../../ot/history-entry.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';
import type {PresenceReply} from '../upstream.js';

/** The largest number of presences of a channel in a report. */
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

/** The present value of a client's presence. For a document's presence, it belongs to the document's current revision. */
export interface PresenceValue {
  src: string | undefined;
  id: string;
  p: unknown;
  /** The presence's version. For a tab's presence, it is higher than all versions that were sent for this id before. */
  pv: number;
  doc?: SharedDoc | undefined;
  t?: string | undefined;
}

export interface Outgoing extends PresenceValue {
  tab: Tab | undefined;
  /** The tab's own version of the value, for the answer to the tab. */
  ownPv?: number | undefined;
}

export interface Channel {
  name: string;
  subscribers: Set<Tab>;
  /** The presences of tabs, by tab and presence id. */
  locals: Map<Tab, Map<string, PresenceValue>>;
  /** The last versions that were sent, by presence id. Tabs may use the same id, and each counts its own versions. */
  versions: Map<string, {pv: number; tab: Tab}>;
  /** The versions of the last values that were sent to each subscriber, so that no value is sent twice. */
  shown: Map<Tab, Map<string, number>>;
  /** The presences of the server's other clients, by presence id. */
  remotes: Map<string, PresenceValue>;
  /** The presences of clients that have not sent them again since the host's connection was restored. */
  missing: Map<string, PresenceValue>;
  /** Cancels the timer that removes those presences. */
  endWait?: (() => void) | undefined;
  /** The values that were not sent to the server yet. They wait for a connection, and until the document's ops are acknowledged. */
  outgoing: Outgoing[];
  /** Values of other clients at versions that the document has not reached yet. */
  ahead: PresenceReply[];
  subscribedAtServer: boolean;
  waiting: {tab: Tab; seq: number}[];
}

/** Returns the value of a presence id in the tabs of this host. If several tabs have one, the last one counts. */
export function lastLocalValue({locals}: Channel, id: string): {tab: Tab; value: PresenceValue} | undefined {
  let last: {tab: Tab; value: PresenceValue} | undefined;
  for (const [tab, own] of locals) {
    const value = own.get(id);
    if (value && (!last || value.pv > last.value.pv)) last = {tab, value};
  }
  return last;
}

/**
 * Returns the removal of the value of another tab that this tab may still have for a presence id. A tab with a presence of this id gets no
 * values of others.
 */
export function lastShown({shown}: Channel, tab: Tab, id: string): PresenceValue | undefined {
  let last: PresenceValue | undefined;
  for (const [key, pv] of shown.get(tab) ?? []) {
    const [src, one] = JSON.parse(key) as [src: string | undefined, id: string];
    if (one === id && src !== tab.id && !(last && last.pv > pv)) last = {src, id, p: null, pv: pv + 1};
  }
  return last;
}

export const newChannel = (name: string): Channel => ({
  name, subscribers: new Set(), locals: new Map(), versions: new Map(), shown: new Map(), remotes: new Map(), missing: new Map(),
  outgoing: [], ahead: [], subscribedAtServer: false, waiting: []
});

export function inspectChannel({name, subscribers, locals, remotes}: Channel): ChannelReport {
  const entry = ({id, doc}: PresenceValue, tab?: Tab): ChannelReport['presences'][number] => ({
    id, ...(tab && {tab: tab.id as string}), ...(doc && {collection: doc.collection, doc: doc.id})
  });
  const own = [...locals].flatMap(([tab, values]) => [...values.values()].map(value => entry(value, tab)));
  const others = [...remotes.values()].map(value => entry(value));
  return {channel: name, followers: [...subscribers].map(({id}) => id as string), presences: [...own, ...others].slice(0, MAX_REPORTED)};
}

/** Transforms a presence over an entry of its document's history. */
export function transformValue(value: PresenceValue, {step}: Entry, isOwnOp: boolean): void {
  if (value.p === null || !value.doc) return;
  if ('op' in step) {
    const type = value.doc.doc.type as Type | null;
    try {
      if (supportsPresence(type)) value.p = type!.transformPresence!(value.p, step.op, isOwnOp);
    } catch {
      // The tabs that show the presence get the same error from the type, and emit it.
      value.p = null;
    }
  } else if (step.create || step.del || step.load) {
    value.p = null;
  }
}

export function supportsPresence(type: Type | null): boolean {
  return !!util.supportsPresence(type);
}

export function unsupported(type: string | undefined): {code: string; message: string} {
  return {code: 'ERR_TYPE_DOES_NOT_SUPPORT_PRESENCE', message: `Type does not support presence: ${type}`};
}

export const shownKey = ({src, id}: Pick<PresenceValue, 'src' | 'id'>): string => JSON.stringify([src, id]);

export const ackKey = (ch: string, id: string, pv: number | undefined): string => JSON.stringify([ch, id, pv]);
