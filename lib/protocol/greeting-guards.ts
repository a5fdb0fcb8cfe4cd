import {isCount, isObject, isText} from './checks.js';
import {isMaybeClearing} from './clearing.js';
import {isGeneration, parseHostHere, type GreetingMessage, type Hello, type TakeoverRequest} from './frames.js';

/** The data as a greeting message; undefined if it does not have that form. */
export function parseGreetingMessage(data: unknown): GreetingMessage | undefined {
  if (!isObject(data) || !isCount(data['protocol'])) return undefined;
  if (data['type'] === 'hello') {
    const ok = isText(data['tabId']) && data['tabId'] !== '' && isCount(data['attempt']) && isGeneration(data['generation']) &&
      typeof data['locked'] === 'boolean' && isText(data['session']) && isMaybeClearing(data['cleared']) &&
      (data['began'] === undefined || typeof data['began'] === 'number');
    return ok ? (data as unknown as Hello) : undefined;
  }
  if (data['type'] === 'candidate') return isText(data['build']) ? (data as unknown as TakeoverRequest) : undefined;
  return parseHostHere(data);
}
