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
  /** It asks for the snapshot. */
  asked?: Asked | undefined;
  /** The version that its answer has to lead to. */
  goal: number;
  /** The snapshot that the ops asked for are to lead to. */
  bridge?: ServerSnapshot | undefined;
  /** It is to show whether the server leads on at all. */
  isProbe?: boolean;
}

/** Whether a snapshot of the server is the state that the document had when it was asked for. */
export const isSameAsAsked = ({v, type, data}: ServerSnapshot, asked: Asked): boolean =>
  v === asked.version && typeOf(type) === asked.type && isSameContent(asked.type, asked.data, data);

/** A state that was made here may be written otherwise than the server writes it: a Delta as the list of its ops. */
export function isSameContent(type: RealDoc['type'], one: unknown, other: unknown): boolean {
  if (isSame([one], [other])) return true;
  return !!type && isSameData(type, new DataCopies(type, one).make(), new DataCopies(type, other).make());
}

/** ShareDB names the type of a snapshot only where it is not the default one. */
export function typeOf(name: string | null | undefined): RealDoc['type'] {
  if (name === null) return null;
  return name === undefined ? types.defaultType as RealDoc['type'] : types.map[name] ?? null;
}
