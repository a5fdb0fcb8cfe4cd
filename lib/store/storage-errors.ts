import {encodeError, type ErrorData} from '../protocol/errors.js';

export function storageError(code: string, message: string): Error {
  return Object.assign(new Error(message), {code});
}

/** A DOMException's code is 0 for most errors, so its name becomes the code. */
export function storageErrorData(error: unknown): ErrorData {
  const data = encodeError(error);
  const {name} = (error ?? {}) as {name?: unknown};
  return typeof data.code === 'number' && typeof name === 'string' ? {...data, code: name} : data;
}

/** Whether one of the values in a write may be the reason why it failed. */
export function mayBeAboutValues(error: unknown): boolean {
  const {code, name} = (error ?? {}) as {code?: unknown; name?: unknown};
  return code !== 'ERR_TABS_FENCED' && code !== 'ERR_TABS_STORAGE_ERASED' && name !== 'InvalidStateError' && name !== 'AbortError';
}
