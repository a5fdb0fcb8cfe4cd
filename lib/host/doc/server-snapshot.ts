import {types} from 'sharedb/lib/client/index.js';
import {DataCopies, isSameData} from '../../ot/invert.js';
import {isSame} from '../../ot/same.js';
import type {RealDoc, ServerSnapshot} from '../upstream.js';

/** The state of the host's document when the server was asked for its state. */
export interface Asked {
  version: number | null;
  type: RealDoc['type'];
  data: unknown;
}

/** A request under way. */
export interface Sent {
  /** Set if it asks for the snapshot: the document's state at the request. */
  asked?: Asked | undefined;
  /** The version that the document must have after the answer. */
  goal: number;
  /** The request asks for the ops up to this snapshot. */
  upTo?: ServerSnapshot | undefined;
  /** It finds out whether the server can continue from the version shown. */
  isProbe?: boolean;
}

/** Whether a snapshot of the server is the state that the document had at the request. */
export const isSameAsAsked = ({v, type, data}: ServerSnapshot, asked: Asked): boolean =>
  v === asked.version && typeOf(type) === asked.type && isSameContent(asked.type, asked.data, data);

/** A state that was made here may be written otherwise than the server writes it: a Delta as the list of its ops. */
export function isSameContent(type: RealDoc['type'], one: unknown, other: unknown): boolean {
  if (isSame([one], [other])) return true;
  return !!type && isSameData(type, new DataCopies(type, one).make(), new DataCopies(type, other).make());
}

/** ShareDB omits the name of a snapshot's type if it is the default type. */
export function typeOf(name: string | null | undefined): RealDoc['type'] {
  if (name === null) return null;
  return name === undefined ? types.defaultType as RealDoc['type'] : types.map[name] ?? null;
}
