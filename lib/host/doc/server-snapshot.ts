import {types} from 'sharedb/lib/client/index.js';
import {DataCopies, isSameData} from '../../ot/invert.js';
import {isSame} from '../../ot/same.js';
import type {RealDoc, ServerSnapshot} from '../upstream.js';

/** The state of the host's document when a snapshot was requested from the server. */
export interface Asked {
  version: number | null;
  type: RealDoc['type'];
  data: unknown;
}

/** A request in flight. */
export interface Sent {
  /** The document's state at the request, if the request asks for the snapshot. */
  asked?: Asked | undefined;
  /** The version that the document must have at least after the answer. */
  goal: number;
  /** Set if the request asks for the ops up to this snapshot. */
  upTo?: ServerSnapshot | undefined;
  /** Whether the request checks if the server has the ops since the document's version. */
  isProbe?: boolean;
}

/** Whether a snapshot of the server equals the document's state at the request. */
export const isSameAsAsked = ({v, type, data}: ServerSnapshot, asked: Asked): boolean =>
  v === asked.version && typeOf(type) === asked.type && isSameContent(asked.type, asked.data, data);

/** Whether two states have the same content. Their forms may differ: a Delta may be an object or the list of its ops. */
export function isSameContent(type: RealDoc['type'], one: unknown, other: unknown): boolean {
  if (isSame([one], [other])) return true;
  return !!type && isSameData(type, new DataCopies(type, one).make(), new DataCopies(type, other).make());
}

/** ShareDB omits the name of a snapshot's type if it is the default type. */
export function typeOf(name: string | null | undefined): RealDoc['type'] {
  if (name === null) return null;
  return name === undefined ? types.defaultType as RealDoc['type'] : types.map[name] ?? null;
}
