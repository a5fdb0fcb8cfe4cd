import type {Peer} from '../remote/connection.js';

/** Whether this side waits for something of the other side: an answer, or what a stream, iterable or promise gives. */
export const isWaiting = ({calls, flows}: Peer): boolean => calls.size > 0 || flows.isAwaiting;
