import {types} from '../upstream.js';

/** Whether this page lacks the OT type. */
export const isUnknown = (type: string | null | undefined): boolean => !!type && !types.map[type];

/** The error of a document whose type this page lacks. */
export function missingType({collection, id}: {collection: string; id: string}, type: string): Error {
  return Object.assign(new Error(`This page does not know the OT type ${type} of ${collection}.${id}: ` +
    'it is not loaded or changed. Pass the type to types.register()'), {code: 'ERR_DOC_TYPE_NOT_RECOGNIZED'});
}
