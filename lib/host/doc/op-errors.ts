import {withCode} from '../../protocol/errors.js';
import type {RealDoc} from '../upstream.js';

/** The errors with which a host refuses ops: upstream's and this library's. */

export function docMissing({collection, id}: RealDoc): Error {
  return withCode('ERR_DOC_DOES_NOT_EXIST', `Cannot submit op. Document has not been created. ${collection}.${id}`);
}

export function seqOverflow(): Error {
  return withCode('ERR_CONNECTION_SEQ_INTEGER_OVERFLOW',
    'Connection seq has exceeded the max safe integer, maybe from being open for too long');
}

export function alreadyCreated(): Error {
  return withCode('ERR_DOC_ALREADY_CREATED', 'Invalid op submitted. Document already created');
}

export function historyLost({collection, id}: RealDoc): Error {
  return withCode('ERR_TABS_OP_LOST', `The host no longer knows what the op was made on. ${collection}.${id}`);
}

/** The server has no ops that continue from the state that pending ops were made on. */
export function historyGone({collection, id}: RealDoc): Error {
  return withCode('ERR_TABS_HISTORY_GONE',
    `The server no longer has the ops since the state that this edit was made on, or has another database. The edit was not saved: it ` +
    `is a dead letter, and what is shown is the server's state. ${collection}.${id}`);
}

/** Whether the error means that an op's version does not belong to the server's history. */
export const isHistoryGone = (error: object | null | undefined): boolean => (error as {code?: unknown} | null | undefined)?.code === 'ERR_TABS_HISTORY_GONE';

/** Converts a value that an OT type has thrown to an error with a code. */
export function notApplied(error: unknown): Error {
  if (!(error instanceof Error)) return withCode('ERR_OT_OP_NOT_APPLIED', String(error));
  return 'code' in error ? error : withCode('ERR_OT_OP_NOT_APPLIED', error.message);
}
