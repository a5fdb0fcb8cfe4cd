import {types} from 'sharedb/lib/client/index.js';
import type {RealDoc} from '../upstream.js';

const CODE = 'ERR_DOC_TYPE_NOT_RECOGNIZED';

export const isKnownType = (type: string | null | undefined): boolean => type === null || type === undefined || !!types.map[type];

/** Returns an error if this host lacks the OT type. A common mistake is that the page registers a type and the worker does not. */
export function missingType(type: string | null | undefined, {collection, id}: RealDoc): Error | undefined {
  if (isKnownType(type)) return undefined;
  return Object.assign(new Error(
    `The host does not know the OT type ${type} of ${collection}.${id}: the document is not loaded, changed or stored. ` +
    'Pass the type to startHost({types: [...]}) in the worker, or to types.register() in the page that is the host'
  ), {code: CODE});
}

export const isMissingType = (error: unknown): boolean => (error as {code?: string} | undefined)?.code === CODE;
