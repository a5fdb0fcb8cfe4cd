import type {TransferredError} from './messages.js';

/** The properties that a {@link TransferredError} has as members of its own. */
const namedFields = ['name', 'message', 'stack', 'cause', 'code', 'errors'];
const natives: Record<string, new (message: string) => Error> = {
  Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError,
  AggregateError: class extends AggregateError { constructor(message: string) { super([], message); } }
};

/** Creates the error that {@link TransferredError} describes. @param at the last line of the stack */
export function decodeError(data: TransferredError, at = ''): unknown {
  if ('thrown' in data) return data.thrown;
  const {name = 'Error', message = ''} = data;
  const define = (key: string, value: unknown) => Object.defineProperty(error, key, {value, configurable: true, writable: true});
  const error: Error = data.isDOMException
    ? new DOMException(message, name)
    : new (natives[data.class ?? 'Error'] ?? Error)(message);
  if (data.class === 'AggregateError') Object.setPrototypeOf(error, AggregateError.prototype);
  if (error.name !== name) define('name', name);
  if (data.stack) define('stack', data.stack + at);
  if (data.cause) define('cause', decodeError(data.cause));
  if (data.errors) define('errors', data.errors.flatMap(item => item ? [decodeError(item)] : []));
  // The code of a DOMException follows from its name.
  if (data.code !== undefined && !data.isDOMException) (error as Error & {code?: unknown}).code = data.code;
  for (const [key, value] of Object.entries(data.fields ?? {})) {
    if (!namedFields.includes(key)) Object.defineProperty(error, key, {value, configurable: true, enumerable: true, writable: true});
  }
  return error;
}
