import {withCode} from '../../protocol/errors.js';
import type {RealDoc} from '../upstream.js';

/** Why a host takes no op: upstream's errors, and our own. */

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

/** The server does not lead on from the state that pending ops were made on. */
export function historyGone({collection, id}: RealDoc): Error {
  return withCode('ERR_TABS_HISTORY_GONE',
    `The server no longer has the ops since the state that this edit was made on, or has another database. The edit was not saved: it ` +
    `is a dead letter, and what is shown is the server's state. ${collection}.${id}`);
}

/** The version that such an op was made on is not one of the server's history. */
export const isHistoryGone = (error: object | null | undefined): boolean => (error as {code?: unknown} | null | undefined)?.code === 'ERR_TABS_HISTORY_GONE';

/** An error that an OT type has thrown. */
export function notApplied(error: unknown): Error {
  if (!(error instanceof Error)) return withCode('ERR_OT_OP_NOT_APPLIED', String(error));
  return 'code' in error ? error : withCode('ERR_OT_OP_NOT_APPLIED', error.message);
}
