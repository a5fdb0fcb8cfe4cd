import {isCount, isError, isNamed, isObject, isText, type Fields} from './checks.js';
import {isScope} from './debug.js';

/** Guards for messages that hosts send. Only tabs load this file. */

const STATES = new Set(['connecting', 'connected', 'disconnected', 'closed', 'stopped']);

const CHECKS: Record<string, (message: Fields) => boolean> = {
  'doc.settled': ({c, d, seqs, error}) => isNamed(c, d) && Array.isArray(seqs) && seqs.every(isCount) && (error === undefined || isError(error)),
  'doc.rollback': ({c, d, inc}) => isNamed(c, d) && isCount(inc),
  'doc.reset': ({c, d, inc, outcomes, unsettled, error, snapshot, loadError}) => isNamed(c, d) && isCount(inc) && isError(error) &&
    (unsettled === undefined || (Array.isArray(unsettled) && unsettled.every(isCount))) &&
    Array.isArray(outcomes) && outcomes.every(outcome => isObject(outcome) && isCount((outcome as {seq: unknown}).seq)) &&
    (isError(loadError) || (isObject(snapshot) && isCount(snapshot['rev']))),
  'doc.refused': ({c, d, inc, error}) => isNamed(c, d) && isCount(inc) && isError(error),
  'doc.lost': ({c, d, inc}) => isNamed(c, d) && isCount(inc),
  'doc.positioned': ({c, d, inc, rev, entries = []}) => isNamed(c, d) && isCount(inc) && Number.isSafeInteger(rev) && Array.isArray(entries) &&
    entries.every(entry => isObject(entry) && Number.isSafeInteger(entry['rev'])),
  'doc.resend': ({c, d, inc, seq}) => isNamed(c, d) && isCount(inc) && isCount(seq),
  'doc.error': ({c, d, error}) => isNamed(c, d) && isError(error),
  'connection.state': ({state}) => isText(state) && STATES.has(state),
  'connection.event': ({event, error}) => (event === 'error' || event === 'connection error') && isError(error),
  'app.message': message => 'message' in message,
  'host.status': ({status}) => isObject(status),
  'host.cleared': () => true,
  'host.log': ({level, scope, text}) => (level === 'debug' || level === 'warn' || level === 'error') && isScope(scope) && isText(text),
  'host.deadletter': ({letter}) => isObject(letter),
  'mirror.wanted': () => true,
  'shared.entries': ({messages}) => Array.isArray(messages) && messages.every(message => isObject(message) && isText(message['a'])),
  'shared.outcome': ({seq, raced, rejected}) => isCount(seq) && Array.isArray(raced) && Array.isArray(rejected),
  'shared.items': ({c, d, items}) => isNamed(c, d) && Array.isArray(items),
  'store.inventory': ({known}) => isObject(known)
};

/**
 * Whether a message from the host has the form that its action requires. ShareDB's own messages (no dot in the action) pass:
 * ShareDB's client checks those.
 */
export function isHostMessage(message: Fields): boolean {
  const action = message['a'] as string;
  if (!action.includes('.')) return true;
  return Object.hasOwn(CHECKS, action) && CHECKS[action]!(message);
}
