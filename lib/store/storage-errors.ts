import {encodeError, type ErrorData} from '../protocol/errors.js';

export function storageError(code: string, message: string): Error {
  return Object.assign(new Error(message), {code});
}

/** Encodes an error. The code of a DOMException is a number, 0 for most errors, so its name becomes the code. */
export function storageErrorData(error: unknown): ErrorData {
  const data = encodeError(error);
  const {name} = (error ?? {}) as {name?: unknown};
  return typeof data.code === 'number' && typeof name === 'string' ? {...data, code: name} : data;
}

/** Whether a write may have failed because of one of its values. */
export function mayBeAboutValues(error: unknown): boolean {
  const {code, name} = (error ?? {}) as {code?: unknown; name?: unknown};
  return code !== 'ERR_TABS_FENCED' && code !== 'ERR_TABS_STORAGE_ERASED' && name !== 'InvalidStateError' && name !== 'AbortError';
}
