import type {FlowEnd, FlowLink} from './flow-link.js';
import {Incoming, sendItems, type Steps} from './items.js';
import {define} from './own-members.js';

/** Runs an iterable of this side, as far as the other side has requested items. */
export function localIterable(iterable: AsyncIterable<unknown> | Iterable<unknown>, link: FlowLink): FlowEnd {
  return sendItems(link, () => {
    const begin = (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator] ?? (iterable as Iterable<unknown>)[Symbol.iterator];
    return begin.call(iterable) as Steps;
  }, false);
}

/** An iterator on this side over an iterable of the other side. */
export function remoteIterable(link: FlowLink): {end: Incoming; value: AsyncIterableIterator<unknown>} {
  const end = new Incoming(link, false);
  const value: AsyncIterableIterator<unknown> = {
    next: () => end.next(),
    return: result => end.return(result),
    throw: error => end.return().then(() => Promise.reject(error)),
    [Symbol.asyncIterator]: () => value
  };
  define(value, Symbol.dispose, () => void end.return().catch(() => {}));
  return {value, end};
}
