/** An error with a code of ShareDB. */
export function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), {code});
}
