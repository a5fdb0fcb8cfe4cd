import {unknownOption} from '../platform/option-checks.js';
import type {UndoableDoc, UndoOptions} from './types.js';

const NAMES: Record<keyof UndoOptions, true> = {scope: true, sources: true, captureTimeout: true, limit: true};

/** The options of an `UndoManager`, with their defaults. */
export type CheckedOptions = Required<Omit<{[Name in keyof UndoOptions]: Exclude<UndoOptions[Name], undefined>}, 'sources'>> & Pick<UndoOptions, 'sources'>;

/** @throws TypeError if an option is unknown or has a wrong type, RangeError if one is out of range */
export function checkOptions(options: UndoOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('UndoManager: the options must be an object');
  const unknown = unknownOption('UndoManager', options, Object.keys(NAMES));
  if (unknown) throw new TypeError(unknown);
  const {captureTimeout = 500, limit = 100, sources, scope = 'tab'} = options;
  if (typeof captureTimeout !== 'number' || !(captureTimeout >= 0)) throw new RangeError('UndoManager: captureTimeout must be a number of ms, 0 or more');
  if (!(Number.isInteger(limit) && limit > 0)) throw new RangeError('UndoManager: limit must be a whole number above 0');
  if (scope !== 'tab' && scope !== 'browser') throw new RangeError("UndoManager: scope must be 'tab' or 'browser'");
  if (sources !== undefined && !Array.isArray(sources)) throw new TypeError('UndoManager: sources must be an array');
  return {captureTimeout, limit, sources, scope};
}

/** @returns each document once @throws TypeError if there is none, or if something else is among them */
export function checkDocs(docs: UndoableDoc | readonly UndoableDoc[]): readonly UndoableDoc[] {
  const all = [...new Set(Array.isArray(docs) ? (docs as readonly UndoableDoc[]) : [docs as UndoableDoc])];
  const isDoc = (doc: UndoableDoc | undefined): boolean => typeof doc?.submitOp === 'function' && typeof doc.prependListener === 'function';
  if (all.length && all.every(isDoc)) return all;
  throw new TypeError('UndoManager: give it a document, or an array of documents');
}
