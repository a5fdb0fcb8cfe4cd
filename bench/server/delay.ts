import {WebSocket} from 'ws';

type BufferLike = Parameters<WebSocket['send']>[0];

/** Runs each action `ms()` later, in order; at once if the delay is 0 and nothing waits. */
export function inOrder(ms: () => number): (act: () => void) => void {
  const waiting: {due: number; act: () => void}[] = [];
  let last = 0;
  const run = (): void => {
    while (waiting.length && waiting[0]!.due <= performance.now()) waiting.shift()!.act();
    if (waiting.length) setTimeout(run, waiting[0]!.due - performance.now());
  };
  return act => {
    const wait = ms();
    if (!wait && !waiting.length) return act();
    // A shorter delay does not overtake actions with a longer one.
    last = Math.max(last, performance.now() + wait);
    waiting.push({due: last, act});
    if (waiting.length === 1) setTimeout(run, wait);
  };
}

/** Simulates a network between a socket and its peer: every frame, in either direction, takes `ms()`. */
export function delayFrames(socket: WebSocket, ms: () => number): void {
  const {send, emit} = socket;
  const [outgoing, incoming] = [inOrder(ms), inOrder(ms)];
  socket.send = (data: BufferLike, ...rest: unknown[]) => {
    outgoing(() => { if (socket.readyState === WebSocket.OPEN) send.call(socket, data, {}, () => {}); });
    // A sender that waits until a frame has left would otherwise send one frame per delay.
    const done = rest.at(-1);
    if (typeof done === 'function') done();
  };
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'message') return emit.call(socket, event, ...args);
    incoming(() => { if (socket.readyState === WebSocket.OPEN) emit.call(socket, event, ...args); });
    return true;
  };
}
